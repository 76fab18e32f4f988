#include "ranks.h"

#include <c10/util/Exception.h>
#define USE_C10D_GLOO
#include <chrono>
#include <csignal>
#include <exception>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

namespace lrfinder::test {
namespace {

/// Calls `call` with each rank, on a thread of its own.
void on_threads(int size, const std::function<void(int)>& call) {
  std::vector<std::exception_ptr> failures(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        call(rank);
      } catch (...) {
        failures[rank] = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace

std::vector<c10::intrusive_ptr<c10d::Backend>> gloo_groups(int size) {
  std::signal(SIGPIPE, SIG_IGN);  // which writing to a group that was closed would raise
  static int made = 0;
  const auto store =
      c10::make_intrusive<c10d::PrefixStore>(std::to_string(made++), c10::make_intrusive<c10d::HashStore>());
  std::vector<c10::intrusive_ptr<c10d::Backend>> groups(size);
  on_threads(size, [&](int rank) {
    const auto options = c10d::ProcessGroupGloo::Options::create_default(std::chrono::seconds(20));
    groups[rank] = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
  });
  return groups;
}

void on_ranks(int size, const std::function<void(c10d::Backend* group)>& call) {
  auto groups = gloo_groups(size);
  on_threads(size, [&](int rank) { call(groups[rank].get()); });
}

}  // namespace lrfinder::test

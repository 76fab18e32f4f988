#include "random_state.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <torch/cuda.h>

#include <mutex>

namespace lrfinder {
namespace {

std::vector<at::Generator> default_generators() {
  std::vector<at::Generator> generators{at::detail::getDefaultCPUGenerator()};
  if (torch::cuda::is_available()) {
    const auto devices = static_cast<c10::DeviceIndex>(torch::cuda::device_count());
    for (c10::DeviceIndex i = 0; i < devices; ++i) {
      generators.push_back(at::globalContext().defaultGenerator(at::Device(at::kCUDA, i)));
    }
  }
  return generators;
}

std::mutex shared_mutex;
std::weak_ptr<std::vector<std::pair<at::Generator, at::Tensor>>> shared;  // of those that have not restored yet

}  // namespace

RandomState::RandomState() {
  const std::lock_guard<std::mutex> guard(shared_mutex);
  saved_ = shared.lock();
  if (saved_ != nullptr) return;
  saved_ = std::make_shared<Saved>();
  for (auto& generator : default_generators()) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    saved_->emplace_back(generator, generator.get_state());
  }
  shared = saved_;
}

void RandomState::restore() {
  const std::lock_guard<std::mutex> guard(shared_mutex);
  if (saved_.use_count() > 1) saved_.reset();
  if (saved_ == nullptr) return;
  if (shared.lock() == saved_) shared.reset();  // who comes now finds the generators as they are from here on
  for (auto& [generator, state] : *saved_) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  }
}

}  // namespace lrfinder

#include "random_state.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <torch/cuda.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace lrfinder {
namespace {

std::mutex shared_mutex;

}  // namespace

/// Of those that have not restored yet; by generator.
std::vector<std::weak_ptr<RandomState::Saved>>& RandomState::shared() {
  static std::vector<std::weak_ptr<Saved>> all;
  return all;
}

RandomState::RandomState() {
  save(at::detail::getDefaultCPUGenerator());
  if (!torch::cuda::is_available()) return;
  const auto devices = static_cast<c10::DeviceIndex>(torch::cuda::device_count());
  for (c10::DeviceIndex i = 0; i < devices; ++i) add(at::Device(at::kCUDA, i));
}

void RandomState::add(at::Device device) {
  if (at::isAccelerator(device.type())) save(at::globalContext().defaultGenerator(device));
}

void RandomState::save(at::Generator generator) {
  const auto is_of = [&](const std::shared_ptr<Saved>& saved) {
    return saved != nullptr && saved->generator == generator;
  };
  if (std::any_of(saved_.begin(), saved_.end(), is_of)) return;
  const std::lock_guard<std::mutex> guard(shared_mutex);
  for (const auto& other : shared()) {
    if (auto saved = other.lock(); is_of(saved)) {
      saved_.push_back(std::move(saved));
      return;
    }
  }
  const std::lock_guard<std::mutex> lock(generator.mutex());
  saved_.push_back(std::make_shared<Saved>(Saved{generator, generator.get_state()}));
  shared().push_back(saved_.back());
}

void RandomState::restore() {
  const std::lock_guard<std::mutex> guard(shared_mutex);
  for (auto& saved : saved_) {
    if (saved.use_count() > 1) saved.reset();
    if (saved == nullptr) continue;
    // Who comes now finds the generator as it is from here on.
    const auto over = [&](const auto& other) { return other.expired() || other.lock() == saved; };
    shared().erase(std::remove_if(shared().begin(), shared().end(), over), shared().end());
    const std::lock_guard<std::mutex> lock(saved->generator.mutex());
    saved->generator.set_state(saved->state);
  }
}

}  // namespace lrfinder

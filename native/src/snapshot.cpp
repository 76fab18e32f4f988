#include "snapshot.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <torch/cuda.h>

#include <cstdint>
#include <exception>
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

/// The tensor's memory with each element once: an expanded tensor cannot be written as it is.
at::Tensor distinct_elements(const at::Tensor& tensor) {
  at::Tensor elements = tensor.detach();
  if (elements.layout() != at::kStrided) return elements;
  for (std::int64_t d = 0; d < elements.dim(); ++d) {
    if (elements.stride(d) == 0 && elements.size(d) > 1) elements = elements.narrow(d, 0, 1);
  }
  return elements;
}

}  // namespace

Snapshot::Snapshot(torch::nn::Module* network, const std::vector<at::Tensor>& parameters)
    : grad_mode_(c10::GradMode::is_enabled()) {
  const c10::NoGradGuard no_grad;
  Seen seen;
  for (const auto& parameter : parameters) add(parameter, &seen);
  if (network != nullptr) {
    for (const auto& parameter : network->parameters()) add(parameter, &seen);
    for (const auto& buffer : network->buffers()) add(buffer, &seen);
    training_.emplace_back(network, network->is_training());
    for (const auto& child : network->modules(/*include_self=*/false)) {
      training_.emplace_back(child.get(), child->is_training());
    }
  }
  for (auto& generator : default_generators()) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generators_.emplace_back(generator, generator.get_state());
  }
  // Last, so that a copy that fails leaves every gradient where it was.
  for (auto& saved : tensors_) {
    if (saved.live.is_leaf() && (saved.live.requires_grad() || saved.live.grad().defined())) {
      saved.gradient = saved.live.grad();
      saved.live.mutable_grad().reset();
    }
  }
}

void Snapshot::add(const at::Tensor& tensor, Seen* seen) {
  if (!tensor.defined() || !seen->insert(tensor.unsafeGetTensorImpl()).second) return;
  const auto elements = distinct_elements(tensor);
  tensors_.push_back({tensor, elements, elements.clone(), {}});
}

void Snapshot::restore() {
  c10::GradMode::set_enabled(false);
  // Whatever fails, the rest is put back all the same.
  std::exception_ptr failure;
  for (auto& saved : tensors_) {
    try {
      saved.elements.copy_(saved.copy);
    } catch (...) {
      if (failure == nullptr) failure = std::current_exception();
    }
    if (saved.live.is_leaf()) saved.live.mutable_grad() = saved.gradient;
  }
  for (auto& [module, training] : training_) {
    if (module->is_training() != training) module->train(training);
  }
  for (auto& [generator, state] : generators_) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  }
  c10::GradMode::set_enabled(grad_mode_);
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace lrfinder

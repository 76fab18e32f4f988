#include "snapshot.h"

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/jit/python/update_graph_executor_opt.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>

#include "lrfinder/error.h"
#include "micro_batches.h"

namespace lrfinder {
namespace {

/// The tensor's memory with each element once: an expanded tensor cannot be written as it is.
at::Tensor distinct_elements(at::Tensor elements) {
  if (elements.layout() != at::kStrided) return elements;
  for (std::int64_t d = 0; d < elements.dim(); ++d) {
    if (elements.stride(d) == 0 && elements.size(d) > 1) elements = elements.narrow(d, 0, 1);
  }
  return elements;
}

std::size_t bytes_of(const at::Tensor& tensor) {
  return tensor.layout() == at::kStrided && tensor.has_storage() ? tensor.storage().nbytes() : 0;
}

/// Calls `together` or, if that fails, `each` with one index after the other.
template <typename Together, typename Each>
void together_or_each(const std::vector<std::size_t>& indices, const Together& together, const Each& each) {
  try {
    together();
  } catch (...) {  // what is to be said of it, `each` says
    for (const auto i : indices) each(i);
  }
}

/// Whether `live` still is what `saved` was made of: the same elements of the same memory.
bool same_view(const at::Tensor& live, const at::Tensor& saved) {
  if (live.layout() != at::kStrided || saved.layout() != at::kStrided) return live.layout() == saved.layout();
  if (!live.has_storage() || !saved.has_storage()) return live.has_storage() == saved.has_storage();
  return live.storage().is_alias_of(saved.storage()) && live.storage_offset() == saved.storage_offset() &&
         live.sizes() == saved.sizes() && live.strides() == saved.strides() && live.dtype() == saved.dtype();
}

}  // namespace

Snapshot::Snapshot(const SweepSubject& subject)
    : grad_mode_(c10::GradMode::is_enabled()), script_optimization_(torch::jit::getGraphExecutorOptimize()) {
  const c10::NoGradGuard no_grad;
  Seen seen;
  for (const auto& part : subject.parts()) {
    for (const auto& parameter : parameters_of(part.optimizers)) add(parameter, &seen);
    if (part.module != nullptr) add(part.module, &seen);
    if (part.script) add(*part.script, &seen);
  }
  save_elements();
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
  random_state_.add(tensor.device());
  const auto whole = tensor.detach();
  const auto elements = distinct_elements(whole);
  tensors_.push_back({tensor, whole, elements, at::empty_like(elements), bytes_of(tensor), tensor.requires_grad(), {}});
}

void Snapshot::add(torch::nn::Module* network, Seen* seen) {
  for (const auto& parameter : network->parameters()) add(parameter, seen);
  for (const auto& buffer : network->buffers()) add(buffer, seen);
  training_.emplace_back(network, network->is_training());
  for (const auto& child : network->modules(/*include_self=*/false)) {
    training_.emplace_back(child.get(), child->is_training());
  }
}

void Snapshot::add(const torch::jit::Module& script, Seen* seen) {
  for (const auto& parameter : script.parameters()) add(parameter, seen);
  for (const auto& buffer : script.buffers()) add(buffer, seen);
  for (const auto& module : script.modules()) {
    const auto owner = module._ivalue();
    for (size_t slot = 0; slot < owner->slots().size(); ++slot) {
      if (!owner->getSlot(slot).isModule()) attributes_.push_back({owner, slot, owner->getSlot(slot)});
    }
  }
}

void Snapshot::save_elements() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Saved& saved = tensors_[i];
    const auto takes = [&](const Alike& alike) {
      return alike.copies.front().device() == saved.copy.device() && alike.copies.front().dtype() == saved.copy.dtype();
    };
    auto alike = std::find_if(alike_.begin(), alike_.end(), takes);
    if (alike == alike_.end()) alike = alike_.insert(alike, Alike());
    alike->indices.push_back(i);
    alike->elements.push_back(saved.elements);
    alike->copies.push_back(saved.copy);
  }
  for (const auto& alike : alike_) {
    together_or_each(
        alike.indices, [&] { at::_foreach_copy_(alike.copies, alike.elements); },
        [&](std::size_t i) { tensors_[i].copy.copy_(tensors_[i].elements); });
  }
}

void Snapshot::check_memory(const Saved& saved) {
  if (bytes_of(saved.whole) >= saved.bytes) return;
  throw Error(ErrorKind::kFailure, "the memory of a tensor of " + std::to_string(saved.bytes) +
                                       " bytes was freed or shrunk to " + std::to_string(bytes_of(saved.whole)));
}

void Snapshot::restore() {
  c10::GradMode::set_enabled(false);
  std::exception_ptr failure;
  const auto attempt = [&failure](const auto& part) {
    try {
      part();
    } catch (...) {
      if (failure == nullptr) failure = std::current_exception();
    }
  };
  for (auto& saved : tensors_) {
    attempt([&] {
      check_memory(saved);
      if (!same_view(saved.live, saved.whole)) saved.live.set_data(saved.whole);
    });
    if (!saved.live.is_leaf()) continue;
    attempt([&] { saved.live.mutable_grad() = saved.gradient; });
    attempt([&] {
      if (saved.live.requires_grad() != saved.requires_grad) saved.live.set_requires_grad(saved.requires_grad);
    });
  }
  for (const auto& alike : alike_) {
    together_or_each(
        alike.indices,
        [&] {
          for (const auto i : alike.indices) check_memory(tensors_[i]);
          at::_foreach_copy_(alike.elements, alike.copies);
        },
        [&](std::size_t i) {
          attempt([&] {
            check_memory(tensors_[i]);
            tensors_[i].elements.copy_(tensors_[i].copy);
          });
        });
  }
  for (auto& [module, training] : training_) {
    attempt([module = module, training = training] {
      if (module->is_training() != training) module->train(training);
    });
  }
  for (auto& [owner, slot, value] : attributes_) {
    attempt([owner = owner, slot = slot, &value = value] { owner->setSlot(slot, value); });
  }
  attempt([&] { random_state_.restore(); });
  c10::GradMode::set_enabled(grad_mode_);
  torch::jit::setGraphExecutorOptimize(script_optimization_);
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace lrfinder

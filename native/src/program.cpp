#include "program.h"

#include <ATen/core/LegacyTypeDispatch.h>

#include <algorithm>
#include <utility>

namespace lrfinder {
namespace {

bool same_tensor(const at::Tensor& left, const at::Tensor& right) {
  return left.is_same(right) ||
         (left.storage().is_alias_of(right.storage()) && Layout(left) == Layout(right));  // seldom looked at
}

}  // namespace

bool replayable(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.layout() == at::kStrided && !tensor.requires_grad() && !tensor.is_conj() &&
         !tensor.is_neg();
}

double number_in(const at::Tensor& tensor) {
  if (tensor.is_cpu() && tensor.scalar_type() == at::kFloat) return *tensor.const_data_ptr<float>();
  if (tensor.is_cpu() && tensor.scalar_type() == at::kDouble) return *tensor.const_data_ptr<double>();
  return tensor.item<double>();
}

Program::Program(Tape tape, at::TensorList batch) : tape_(std::move(tape)) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto first = std::find(tape_.batch.begin(), tape_.batch.end(), tape_.batch[i]) - tape_.batch.begin();
    shapes_.push_back(
        {batch[i].sizes().vec(), batch[i].strides().vec(), batch[i].scalar_type(), static_cast<std::size_t>(first)});
  }
  writable_ = tape_.written;
  for (const auto& tensor : std::exchange(tape_.outside, {})) {
    if (!tensor.requires_grad() && tensor.is_non_overlapping_and_dense()) writable_.push_back(tensor);
    outside_.emplace_back(tensor);
  }
  const auto backward =
      std::find_if(tape_.code.begin(), tape_.code.end(), [](const auto& each) { return each.backward; });
  backward_begin_ = static_cast<std::size_t>(backward - tape_.code.begin());
  tape_.slots.clear();
}

bool Program::Shape::fits(const at::Tensor& tensor) const {
  return tensor.scalar_type() == dtype && tensor.sizes() == sizes && tensor.strides() == strides && replayable(tensor);
}

bool Program::holds(at::TensorList batch) const {
  if (batch.size() != shapes_.size()) return false;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    if (!shapes_[i].fits(batch[i])) return false;
    for (std::size_t k = 0; k < i; ++k) {
      if ((shapes_[i].first == shapes_[k].first) != same_tensor(batch[i], batch[k])) return false;
    }
  }
  return std::all_of(outside_.begin(), outside_.end(), [](const auto& outside) { return outside.unchanged(); });
}

void Program::run_until(std::size_t end) {
  for (; next_ < end; ++next_) execute(tape_.code[next_], tape_.tensors, stack_);
}

double Program::forward(at::TensorList batch) {
  const at::AutoDispatchBelowADInplaceOrView below;
  for (auto& kept : tape_.kept) {
    const auto& gradient = tape_.tensors[kept.leaves];
    const bool ours = gradient.use_count() == 1 && gradient.storage().use_count() == kept.uses;
    if (!ours) renew(kept, tape_.tensors, stack_);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) tape_.tensors[tape_.batch[i]] = batch[i];
  next_ = 0;
  run_until(backward_begin_);
  return number_in(tape_.tensors[tape_.loss]);
}

void Program::backward() {
  const at::AutoDispatchBelowADInplaceOrView below;
  run_until(tape_.code.size());
}

void Program::deliver() {
  const at::AutoDispatchBelowADInplaceOrView below;
  for (auto& [parameter, slot] : tape_.gradients) {
    at::Tensor& gradient = parameter.mutable_grad();
    at::Tensor& made = tape_.tensors[slot];
    if (gradient.defined()) {
      gradient.add_(made);
    } else {
      gradient = made;
    }
    if (!tape_.fixed[slot]) made.reset();
  }
  for (const auto& tensor : tape_.written) tensor.unsafeGetTensorImpl()->bump_version();
  for (const auto slot : tape_.batch) tape_.tensors[slot].reset();
}

}  // namespace lrfinder

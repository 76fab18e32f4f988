#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Storage.h>
#include <torch/csrc/autograd/variable.h>

#include <cstdint>

namespace lrfinder {

/// Whether autograd calls a hook with the parameter's gradient: what that does on the host no recorded step would.
inline bool hooked(const at::Tensor& parameter) {
  return parameter.requires_grad() && (!torch::autograd::impl::hooks(parameter).empty() ||
                                       torch::autograd::impl::post_acc_grad_hooks(parameter) != nullptr);
}

/// A tensor that a recorded step found and relies on.
class OutsideTensor {
 public:
  explicit OutsideTensor(const at::Tensor& tensor)
      : tensor_(tensor), memory_(tensor.storage()), elements_(tensor.numel()), requires_grad_(tensor.requires_grad()) {}

  /// Whether it has the same memory, and takes gradients as it did.
  bool unchanged() const {
    const auto* impl = tensor_.unsafeGetTensorImpl();
    return impl->unsafe_storage().unsafeGetStorageImpl() == memory_.unsafeGetStorageImpl() &&
           impl->numel() == elements_ && impl->requires_grad() == requires_grad_ && !hooked(tensor_);
  }

  bool is(const at::Tensor& tensor) const { return tensor_.is_same(tensor); }

 private:
  at::Tensor tensor_;
  c10::Storage memory_;  // keeps its address from being given out again
  std::int64_t elements_;
  bool requires_grad_;
};

}  // namespace lrfinder

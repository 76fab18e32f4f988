#include "clip.h"

#include <ATen/OpMathType.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/div.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <map>
#include <optional>
#include <unordered_set>
#include <vector>

namespace lrfinder {
namespace {

constexpr double kEpsilon = 1e-6;  // what torch.nn.utils.clip_grad_norm_ adds to the norm

/// What there is to clip in each gradient, which is first made fit to be written.
std::vector<at::Tensor> writable_gradients(const torch::optim::Optimizer& optimizer) {
  std::vector<at::Tensor> gradients;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& group : optimizer.param_groups()) {
    for (const auto& parameter : group.params()) {
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined() || !seen.insert(parameter.unsafeGetTensorImpl()).second) continue;
      if (gradient.is_sparse()) {
        gradient = gradient.coalesce();  // values of one index count together
      } else if (!gradient.is_non_overlapping_and_dense()) {
        gradient = gradient.clone();
      }
      gradients.push_back(gradient.is_sparse() ? gradient._values() : gradient);
    }
  }
  return gradients;
}

/// A number of the host's as libtorch's kernels take it fastest: they make a tensor of any other, for each call.
at::Tensor number_of(double value, at::ScalarType type) {
  return at::scalar_tensor(value, at::TensorOptions().dtype(type));
}

double norm_on_host(const std::vector<at::Tensor>& gradients) {
  double squares = 0;
  at::Tensor norm;
  for (const auto& gradient : gradients) {
    const auto type = at::toRealValueType(gradient.scalar_type());
    if (!norm.defined() || norm.scalar_type() != type) norm = number_of(0, type);
    at::linalg_vector_norm_out(norm, gradient, 2);
    const double value = norm.item<double>();
    squares += value * value;
  }
  return std::sqrt(squares);
}

void multiply_on_host(const std::vector<at::Tensor>& gradients, double coefficient) {
  at::Tensor factor;
  for (const auto& gradient : gradients) {
    // Of the type that the kernel computes in: narrower than that it would be rounded first.
    const auto type = at::toOpMathType(gradient.scalar_type());
    if (!factor.defined() || factor.scalar_type() != type) factor = number_of(coefficient, type);
    gradient.mul_(factor);
  }
}

/// As on the host, without a read: norms of the gradients' own types, whose squares are added up in double precision.
at::Tensor norm_on_device(const std::vector<at::Tensor>& gradients) {
  const auto norms = at::stack(at::_foreach_norm(gradients, 2));
  return at::linalg_vector_norm(norms, 2, /*dim=*/std::nullopt, /*keepdim=*/false, at::kDouble);
}

void multiply_on_device(const std::vector<at::Tensor>& gradients, const at::Tensor& coefficient) {
  std::map<at::ScalarType, std::vector<at::Tensor>> by_type;
  for (const auto& gradient : gradients) by_type[gradient.scalar_type()].push_back(gradient);
  for (const auto& [type, alike] : by_type) at::_foreach_mul_(alike, coefficient.to(at::toOpMathType(type)));
}

void clip_norm(const torch::optim::Optimizer& optimizer, double max_norm) {
  const auto gradients = writable_gradients(optimizer);
  if (gradients.empty()) return;
  if (gradients.front().is_cpu()) {
    const double coefficient = max_norm / (norm_on_host(gradients) + kEpsilon);
    // Not-a-number passes on, as in PyTorch: the sweep then ends at the next loss.
    if (!(coefficient >= 1)) multiply_on_host(gradients, coefficient);
    return;
  }
  multiply_on_device(gradients,
                     at::div(number_of(max_norm, at::kDouble), norm_on_device(gradients).add_(kEpsilon)).clamp_max_(1));
}

void clip_value(const torch::optim::Optimizer& optimizer, double max_value) {
  for (auto& gradient : writable_gradients(optimizer)) gradient.clamp_(-max_value, max_value);
}

}  // namespace

void clip(const torch::optim::Optimizer& optimizer, const StepSettings& step) {
  const c10::NoGradGuard no_grad;
  if (std::isfinite(step.gradient_clip_norm)) clip_norm(optimizer, step.gradient_clip_norm);
  if (std::isfinite(step.gradient_clip_value)) clip_value(optimizer, step.gradient_clip_value);
}

}  // namespace lrfinder

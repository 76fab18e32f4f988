#include "clip.h"

#include <ATen/OpMathType.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <cmath>
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

void clip_norm(const torch::optim::Optimizer& optimizer, double max_norm) {
  const auto gradients = writable_gradients(optimizer);
  if (gradients.empty()) return;
  if (gradients.front().is_cpu()) {
    const double coefficient = max_norm / (norm_on_host(gradients) + kEpsilon);
    // Not-a-number passes on, as in PyTorch: the sweep then ends at the next loss.
    if (!(coefficient >= 1)) multiply_on_host(gradients, coefficient);
    return;
  }
  const auto norms = at::_foreach_norm(gradients, 2);
  std::vector<at::Tensor> wide;
  wide.reserve(norms.size());
  for (const auto& norm : norms) wide.push_back(norm.to(at::kDouble));
  const auto total = at::linalg_vector_norm(at::stack(wide));
  at::_foreach_mul_(gradients,
                    total.add(kEpsilon).reciprocal().mul(max_norm).clamp_max(1).to(norms.front().scalar_type()));
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

#include "clip.h"

#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
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

void clip_norm(const torch::optim::Optimizer& optimizer, double max_norm) {
  const auto gradients = writable_gradients(optimizer);
  if (gradients.empty()) return;
  const auto norms = at::_foreach_norm(gradients, 2);
  if (gradients.front().is_cpu()) {
    double squares = 0;
    for (const auto& norm : norms) {
      const double value = norm.item<double>();
      squares += value * value;
    }
    const double coefficient = max_norm / (std::sqrt(squares) + kEpsilon);
    // Not-a-number passes on, as in PyTorch: the sweep then ends at the next loss.
    if (!(coefficient >= 1)) at::_foreach_mul_(gradients, coefficient);
    return;
  }
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

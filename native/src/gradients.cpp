#include "gradients.h"

#include <ATen/ops/full_like.h>

#include "autograd_gradients.h"
#include "replayed_gradients.h"

namespace lrfinder {

std::unique_ptr<Gradients> Gradients::of(std::shared_ptr<const Forward> forward, Replay replay, double share,
                                         Reach reach) {
  const auto by_autograd = [&](std::string reason) {
    return std::make_unique<AutogradGradients>(share, std::move(reach.only), std::move(reason));
  };
  if (replay == Replay::kNever) return by_autograd("replay is turned off");
  if (!forward->device().is_cpu()) {
    return by_autograd("the parameters are on " + forward->device().str() + ", and only steps on the CPU are replayed");
  }
  const bool promised = replay == Replay::kDeclaredStatic;
  auto reason = forward->not_static();
  if (!reason.empty() && !promised) return by_autograd(std::move(reason));
  return std::make_unique<ReplayedGradients>(std::move(forward), share, std::move(reach), reason.empty(), promised);
}

const at::Tensor& AutogradGradients::seed() {
  if (!seed_.defined() || seed_.scalar_type() != loss_.scalar_type() || seed_.sizes() != loss_.sizes() ||
      seed_.device() != loss_.device()) {
    seed_ = at::full_like(loss_.detach(), share_);
  }
  return seed_;
}

void AutogradGradients::backward() {
  const auto only = only_.empty() ? std::nullopt : std::make_optional(at::TensorList(only_));
  loss_.backward(seed(), /*retain_graph=*/std::nullopt, /*create_graph=*/false, only);
  loss_.reset();
}

}  // namespace lrfinder

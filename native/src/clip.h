#pragma once

#include <torch/optim/optimizer.h>

#include "lrfinder/step_settings.h"

namespace lrfinder {

/// Clips the gradients of an optimizer's parameters as `step` says, if it does. By norm, the norm of all of them
/// together is scaled to what is allowed, as torch.nn.utils.clip_grad_norm_ does; on a device the host never waits for
/// it. By value, as torch.nn.utils.clip_grad_value_ does.
void clip(const torch::optim::Optimizer& optimizer, const StepSettings& step);

}  // namespace lrfinder

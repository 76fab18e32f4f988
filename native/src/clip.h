#pragma once

#include <torch/optim/optimizer.h>

namespace lrfinder {

/// Scales the gradients of an optimizer's parameters so that the norm of all of them together is at most `max_norm`,
/// as torch.nn.utils.clip_grad_norm_ does. On CUDA the host never waits for the norm.
void clip_gradients(const torch::optim::Optimizer& optimizer, double max_norm);

/// Clamps the gradients of an optimizer's parameters to [-max_value, max_value], as torch.nn.utils.clip_grad_value_
/// does.
void clamp_gradients(const torch::optim::Optimizer& optimizer, double max_value);

}  // namespace lrfinder

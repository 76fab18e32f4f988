#include "micro_batches.h"

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/nll_loss_nd.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <typeinfo>
#include <unordered_set>
#include <utility>

#include "autocast.h"
#include "clip.h"
#include "failure.h"

namespace lrfinder {
namespace {

const StepSettings& checked(const StepSettings& step) {
  if (!(step.gradient_clip_norm > 0)) {
    refuse("gradient_clip_norm ", step.gradient_clip_norm, " must be greater than 0");
  }
  if (!(step.gradient_clip_value > 0)) {
    refuse("gradient_clip_value ", step.gradient_clip_value, " must be greater than 0");
  }
  if (std::isfinite(step.gradient_clip_norm) && std::isfinite(step.gradient_clip_value)) {
    refuse("gradients are clipped by norm or by value, not by both");
  }
  if (step.accumulate_grad_batches < 1) {
    refuse("accumulate_grad_batches ", step.accumulate_grad_batches, " must be at least 1");
  }
  return step;
}

/// The device of all parameters, after checking that they can be trained. `network` may be null.
template <typename Network>
at::Device checked_device(const Network* network, const std::vector<at::Tensor>& parameters) {
  if (std::none_of(parameters.begin(), parameters.end(), [](const auto& p) { return p.requires_grad(); })) {
    refuse("no parameter of the optimizer takes a gradient: at least one must have requires_grad");
  }
  const at::Device device = parameters.front().device();
  for (const auto& parameter : parameters) {
    if (parameter.device() != device) {
      refuse("tensors on different devices: the optimizer has parameters on ", device, " and on ", parameter.device(),
             ", all must be on one");
    }
  }
  if (network == nullptr) return device;
  std::unordered_set<const c10::TensorImpl*> own;
  for (const auto& parameter : network->parameters()) own.insert(parameter.unsafeGetTensorImpl());
  const auto foreign = std::count_if(parameters.begin(), parameters.end(),
                                     [&](const auto& p) { return own.count(p.unsafeGetTensorImpl()) == 0; });
  if (foreign > 0) {
    refuse("the optimizer is over other parameters than the network's: ", foreign, " of its ", parameters.size(),
           " parameters are not in the network; make the optimizer from the network's parameters()");
  }
  return device;
}

/// Null for a subclass, whose own forward nothing here would call.
torch::nn::SequentialImpl* exactly_sequential(torch::nn::Module* network) {
  const bool exact = network != nullptr && typeid(*network) == typeid(torch::nn::SequentialImpl);
  return exact ? static_cast<torch::nn::SequentialImpl*>(network) : nullptr;
}

std::string shape(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

at::Tensor loss_of(Loss loss, const at::Tensor& prediction, const at::Tensor& target) {
  const bool class_indices = loss == Loss::kCrossEntropy || loss == Loss::kNegativeLogLikelihood;
  if (!class_indices && prediction.sizes() != target.sizes()) {
    // libtorch would broadcast and average over every pair.
    refuse("the network's output has shape ", shape(prediction), " and the target ", shape(target),
           ": this loss needs the same shape");
  }
  switch (loss) {
    case Loss::kCrossEntropy:
      return at::cross_entropy_loss(prediction, target);
    case Loss::kNegativeLogLikelihood:
      return at::nll_loss_nd(prediction, target);
    case Loss::kMse:
      return at::mse_loss(prediction, target);
    case Loss::kL1:
      return at::l1_loss(prediction, target);
    case Loss::kSmoothL1:
      return at::smooth_l1_loss(prediction, target);
    case Loss::kHuber:
      return at::huber_loss(prediction, target);
    case Loss::kBinaryCrossEntropyWithLogits:
      return at::binary_cross_entropy_with_logits(prediction, target);
    case Loss::kKlDivergence:
      // By the number of examples: the mean over every element is no divergence.
      return at::kl_div(prediction, target, at::Reduction::Sum) /
             static_cast<double>(prediction.dim() == 0 ? 1 : prediction.size(0));
  }
  refuse("unknown loss ", static_cast<std::int32_t>(loss));
}

double number(const at::Tensor& loss) {
  if (!loss.defined()) refuse("the loss is an undefined tensor");
  if (loss.numel() != 1 || !at::isFloatingType(loss.scalar_type())) {
    refuse("the loss must be one real number, not a tensor of shape ", shape(loss), " and type ", loss.dtype());
  }
  return loss.item<double>();
}

}  // namespace

std::vector<at::Tensor> parameters_of(Optimizers optimizers) {
  std::vector<at::Tensor> parameters;
  for (const auto* optimizer : optimizers) {
    for (const auto& group : optimizer->param_groups()) {
      parameters.insert(parameters.end(), group.params().begin(), group.params().end());
    }
  }
  return parameters;
}

MicroBatches::MicroBatches(torch::nn::Module* network, Optimizers optimizers, const StepSettings& step)
    : device_(checked_device(network, parameters_of(optimizers))),
      sequential_(exactly_sequential(network)),
      step_(checked(step)) {}

MicroBatches::MicroBatches(torch::jit::Module network, Optimizers optimizers, const StepSettings& step)
    : MicroBatches(static_cast<torch::nn::Module*>(nullptr), optimizers, step) {
  checked_device(&network, parameters_of(optimizers));
  script_ = std::move(network);
}

at::Tensor MicroBatches::forward(const at::Tensor& input) const {
  if (sequential_ != nullptr) return sequential_->forward(input);
  // A handle: what is forwarded is the caller's own module.
  const auto output = torch::jit::Module(*script_).forward({input});
  if (!output.isTensor()) {
    refuse("the TorchScript module returns no tensor but a ", output.tagKind(), ": pass the loss instead");
  }
  return output.toTensor();
}

at::Tensor MicroBatches::loss(const at::Tensor& input, const at::Tensor& target, Loss loss) const {
  if (sequential_ == nullptr && !script_) {
    refuse("only a SequentialImpl or a TorchScript module is forwarded natively: pass the loss instead");
  }
  for (const auto* tensor : {&input, &target}) {
    if (tensor->device() != device_) {
      refuse("tensors on different devices: the network is on ", device_, " and the batch has a tensor on ",
             tensor->device());
    }
  }
  const Autocast autocast(step_.precision, device_.type());
  return loss_of(loss, forward(input), target);
}

double MicroBatches::evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) const {
  const c10::NoGradGuard no_grad;
  return number(this->loss(input, target, loss));
}

double MicroBatches::add(const at::Tensor& loss) {
  const double value = number(loss);
  if (!loss.requires_grad()) refuse("the loss does not depend on any parameter that takes a gradient");
  total_ += value;
  ++count_;
  return mean();
}

double MicroBatches::mean() const {
  if (count_ == 0) refuse("there is no step to finish: nothing was accumulated");
  return total_ / static_cast<double>(count_);
}

void MicroBatches::backward(const at::Tensor& loss, at::TensorList parameters) {
  // The gradient of a whole step's mean with respect to one micro-batch's loss, made once.
  if (!seed_.defined() || seed_.scalar_type() != loss.scalar_type() || seed_.sizes() != loss.sizes() ||
      seed_.device() != loss.device()) {
    seed_ = at::full_like(loss.detach(), 1.0 / static_cast<double>(step_.accumulate_grad_batches));
  }
  const auto only = parameters.empty() ? std::nullopt : std::make_optional(parameters);
  loss.backward(seed_, /*retain_graph=*/std::nullopt, /*create_graph=*/false, only);
}

void MicroBatches::finish(Optimizers optimizers) {
  if (count_ < step_.accumulate_grad_batches) {
    const c10::NoGradGuard no_grad;
    const double share = static_cast<double>(step_.accumulate_grad_batches) / static_cast<double>(count_);
    std::unordered_set<const c10::TensorImpl*> seen;
    for (const auto& parameter : parameters_of(optimizers)) {
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined() || !seen.insert(parameter.unsafeGetTensorImpl()).second) continue;
      gradient = gradient * share;  // may be a view
    }
  }
  total_ = 0;
  count_ = 0;
  for (const auto* optimizer : optimizers) clip(*optimizer, step_);
}

}  // namespace lrfinder

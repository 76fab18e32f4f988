#include "micro_batches.h"

#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_set>
#include <utility>

#include "clip.h"
#include "failure.h"
#include "program.h"

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

double rows_of(const at::Tensor& input) { return input.dim() == 0 ? 1 : static_cast<double>(input.size(0)); }

/// Tells which parameters take a gradient from others.
std::uintptr_t trained_by(Optimizers optimizers) {
  std::uintptr_t trained = 0;
  for (const auto* optimizer : optimizers) {
    for (const auto& group : optimizer->param_groups()) {
      for (const auto& parameter : group.params()) {
        if (parameter.requires_grad()) trained += reinterpret_cast<std::uintptr_t>(parameter.unsafeGetTensorImpl());
      }
    }
  }
  return trained;
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

MicroBatches::MicroBatches(torch::nn::Module* network, Optimizers optimizers, const StepSettings& step, Reach reach)
    : MicroBatches(
          std::make_shared<Forward>(network, step.precision, checked_device(network, parameters_of(optimizers))),
          optimizers, step, network == nullptr ? std::move(reach) : std::move(reach).knowing(tensors_of(*network))) {}

MicroBatches::MicroBatches(torch::jit::Module network, Optimizers optimizers, const StepSettings& step, Reach reach)
    : MicroBatches(
          std::make_shared<Forward>(network, step.precision, checked_device(&network, parameters_of(optimizers))),
          optimizers, step, std::move(reach).knowing(tensors_of(network))) {}

MicroBatches::MicroBatches(std::shared_ptr<const Forward> forward, Optimizers optimizers, const StepSettings& step,
                           Reach reach)
    : step_(checked(step)), forward_(std::move(forward)), trained_(trained_by(optimizers)) {
  if (step.group) {
    averaging_ = std::make_unique<Averaging>(step.group->collectives(), parameters_of(optimizers));
  }
  reach = std::move(reach).knowing(parameters_of(optimizers));
  const double share = 1.0 / static_cast<double>(step.accumulate_grad_batches);
  gradients_ = Gradients::of(forward_, step.replay, share, std::move(reach));
}

double MicroBatches::evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) const {
  const c10::NoGradGuard no_grad;
  const auto computed = forward_->loss(input, target, loss);
  check_number(computed);
  return number_in(computed);
}

void MicroBatches::add(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  const double rows = rows_of(input);
  if (averaging_ != nullptr && rows == 0) return;  // the others have this step's
  if (const auto replayed = gradients_->replay({input, target, loss})) {
    ++replayed_;
    count(*replayed, rows);
    return;
  }
  add_computed(rows, [&] { return forward_->loss(input, target, loss); });
}

void MicroBatches::add(const at::Tensor& loss, double rows) {
  add_computed(rows, [&] { return loss; });
}

template <typename Compute>
void MicroBatches::add_computed(double rows, const Compute& compute) {
  try {
    const at::Tensor loss = compute();
    check_number(loss);
    if (!loss.requires_grad()) refuse("the loss does not depend on any parameter that takes a gradient");
    gradients_->computed(loss);
    if (device().is_cpu()) {
      count(number_in(loss), rows);
    } else {
      count_late(loss, rows);
    }
  } catch (...) {
    abandon();
    throw;
  }
}

bool MicroBatches::replay(const at::Tensor& input, const at::Tensor& target) {
  const auto replayed = gradients_->replay({input, target, std::nullopt});
  if (!replayed) return false;
  ++replayed_;
  count(*replayed, rows_of(input));
  return true;
}

void MicroBatches::abandon() { gradients_->abandon(); }

void MicroBatches::count(double loss, double rows) {
  total_.number += loss;
  ++count_;
  rows_ += rows;
  pending_ = true;
}

void MicroBatches::count_late(const at::Tensor& loss, double rows) {
  const c10::NoGradGuard no_grad;
  const auto number = loss.detach().reshape({}).to(device(), at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  total_.on_device = count_ == 0 ? number : total_.on_device + number;
  ++count_;
  rows_ += rows;
  pending_ = true;
}

bool MicroBatches::may_be_finite() const { return total_.is_late() || std::isfinite(total_.number); }

StepLoss MicroBatches::mean() const {
  if (count_ == 0) refuse("there is no step to finish: nothing was accumulated");
  const auto count = static_cast<double>(count_);
  if (!total_.is_late()) return {total_.number / count, {}};
  if (count_ == 1) return total_;
  const c10::NoGradGuard no_grad;
  // By a number on the device: CUDA divides by one of the host's by multiplying with its reciprocal, which rounds.
  return {0, total_.on_device / at::full({}, count, total_.on_device.options())};
}

void MicroBatches::abandon_step() {
  abandon();
  start();
}

void MicroBatches::start() {
  total_ = {};
  count_ = 0;
  rows_ = 0;
  replayed_ = 0;
  pending_ = false;
  averaged_ = false;
}

void MicroBatches::backward() {
  if (std::exchange(pending_, false)) gradients_->backward();
}

Averaging::Step MicroBatches::average(Optimizers optimizers, Ending ending) {
  if (trained_by(optimizers) != trained_) {
    refuse("other parameters take a gradient than at the start, which several processes cannot follow");
  }
  double loss = 0;
  if (count_ > 0) {
    make_mean(optimizers);
    const auto own = mean();
    loss = own.is_late() ? own.on_device.item<double>() : own.number;
  }
  averaged_ = true;
  return averaging_->average(loss, rows_, ending);
}

/// Of however few micro-batches there were.
void MicroBatches::make_mean(Optimizers optimizers) const {
  if (count_ == step_.accumulate_grad_batches) return;
  const c10::NoGradGuard no_grad;
  const double share = static_cast<double>(step_.accumulate_grad_batches) / static_cast<double>(count_);
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& parameter : parameters_of(optimizers)) {
    at::Tensor& gradient = parameter.mutable_grad();
    if (!gradient.defined() || !seen.insert(parameter.unsafeGetTensorImpl()).second) continue;
    gradient = gradient * share;  // may be a view
  }
}

void MicroBatches::finish(Optimizers optimizers) {
  if (!averaged_) make_mean(optimizers);
  if (replayed_ == count_) ++replayed_steps_;
  start();
  for (const auto* optimizer : optimizers) clip(*optimizer, step_);
}

}  // namespace lrfinder

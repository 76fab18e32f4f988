#include "lrfinder/sweep.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/container/sequential.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <typeinfo>
#include <unordered_set>
#include <utility>

#include "clip.h"
#include "loss_tracker.h"
#include "lrfinder/error.h"
#include "snapshot.h"
#include "updater.h"

namespace lrfinder {
namespace {

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(ErrorKind::kInvalidArgument, message.str());
}

/// Runs `call` and lets nothing but lrfinder::Error out.
template <typename Call>
auto translated(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const Error&) {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorKind::kOutOfMemory, error.what_without_backtrace());
  } catch (const c10::Error& error) {
    // On the CPU a failed allocation is a plain c10::Error.
    const std::string message = error.what_without_backtrace();
    const bool memory = message.find("can't allocate memory") != std::string::npos;
    throw Error(memory ? ErrorKind::kOutOfMemory : ErrorKind::kFailure, message);
  } catch (const std::bad_alloc& error) {
    throw Error(ErrorKind::kOutOfMemory, error.what());
  } catch (const std::exception& error) {
    throw Error(ErrorKind::kFailure, error.what());
  } catch (...) {
    throw Error(ErrorKind::kFailure, "the model's code threw something that is no std::exception");
  }
}

std::vector<at::Tensor> parameters_of(const torch::optim::Optimizer& optimizer) {
  std::vector<at::Tensor> parameters;
  for (const auto& group : optimizer.param_groups()) {
    parameters.insert(parameters.end(), group.params().begin(), group.params().end());
  }
  return parameters;
}

/// The device of all parameters, after checking that they can be swept.
at::Device checked_device(torch::nn::Module* network, const std::vector<at::Tensor>& parameters) {
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
  if (loss == Loss::kCrossEntropy) return at::cross_entropy_loss(prediction, target);
  // libtorch would broadcast and average over every pair.
  if (prediction.sizes() != target.sizes()) {
    refuse("the network's output has shape ", shape(prediction), " and the target ", shape(target),
           ": this loss needs the same shape");
  }
  switch (loss) {
    case Loss::kMse:
      return at::mse_loss(prediction, target);
    case Loss::kL1:
      return at::l1_loss(prediction, target);
    case Loss::kSmoothL1:
      return at::smooth_l1_loss(prediction, target);
    default:
      refuse("unknown loss ", static_cast<std::int32_t>(loss));
  }
}

}  // namespace

class Sweep::Impl {
 public:
  Impl(torch::nn::Module* network, const torch::optim::Optimizer& optimizer, SweepSettings settings)
      : settings_(checked(std::move(settings), optimizer.param_groups().size())),
        device_(checked_device(network, parameters_of(optimizer))),
        sequential_(exactly_sequential(network)),
        tracker_(settings_.smoothing_beta, settings_.early_stop_threshold),
        updater_(Updater::of(optimizer, settings_.group_ratios)),
        snapshot_(network, parameters_of(optimizer)) {
    c10::GradMode::set_enabled(true);
  }

  ~Impl() {
    try {
      restore();
    } catch (...) {  // a destructor cannot say more; callers who want to know call restore()
    }
  }

  void accumulate(const at::Tensor& loss) {
    const c10::AutoGradMode grad(true);
    total_ += share(loss);
    if (std::isfinite(total_)) backward(loss);
  }

  StepResult step(const at::Tensor& loss, double lr) {
    const c10::AutoGradMode grad(true);
    const double mean = std::exchange(total_, 0.0) + share(loss);
    if (!std::isfinite(mean)) return StepResult::kNonFinite;
    if (tracker_.add(mean)) return StepResult::kDiverged;
    backward(loss);
    if (std::isfinite(settings_.gradient_clip_norm)) {
      clip_gradients(updater_->optimizer(), settings_.gradient_clip_norm);
    }
    updater_->update(lr);
    return StepResult::kContinue;
  }

  at::Tensor forward(const at::Tensor& input, const at::Tensor& target, Loss loss) {
    if (restored_) refuse("the sweep has ended: its model was restored");
    if (sequential_ == nullptr) refuse("only a SequentialImpl is forwarded natively: pass the loss instead");
    for (const auto* tensor : {&input, &target}) {
      if (tensor->device() != device_) {
        refuse("tensors on different devices: the network is on ", device_, " and the batch has a tensor on ",
               tensor->device());
      }
    }
    const c10::AutoGradMode grad(true);
    return loss_of(loss, sequential_->forward(input), target);
  }

  const LossTracker& tracker() const { return tracker_; }
  at::Device device() const { return device_; }

  void restore() {
    if (restored_) return;
    snapshot_.restore();
    restored_ = true;
  }

 private:
  static SweepSettings checked(SweepSettings settings, size_t groups) {
    if (!(settings.smoothing_beta >= 0 && settings.smoothing_beta < 1)) {
      refuse("smoothing_beta ", settings.smoothing_beta, " must be in [0, 1)");
    }
    if (!(settings.early_stop_threshold > 1)) {
      refuse("early_stop_threshold ", settings.early_stop_threshold, " must be greater than 1");
    }
    if (!(settings.gradient_clip_norm > 0)) {
      refuse("gradient_clip_norm ", settings.gradient_clip_norm, " must be greater than 0");
    }
    if (settings.accumulate_grad_batches < 1) {
      refuse("accumulate_grad_batches ", settings.accumulate_grad_batches, " must be at least 1");
    }
    if (settings.group_ratios.empty()) settings.group_ratios.assign(groups, 1.0);
    if (settings.group_ratios.size() != groups) {
      refuse("group_ratios has ", settings.group_ratios.size(), " entries, the optimizer ", groups,
             " parameter groups");
    }
    return settings;
  }

  /// A micro-batch's part of the step's mean loss.
  double share(const at::Tensor& loss) {
    if (restored_) refuse("the sweep has ended: its model was restored");
    if (!loss.defined()) refuse("the loss is an undefined tensor");
    if (loss.numel() != 1 || !at::isFloatingType(loss.scalar_type())) {
      refuse("the loss must be one real number, not a tensor of shape ", shape(loss), " and type ", loss.dtype());
    }
    if (!loss.requires_grad()) refuse("the loss does not depend on any parameter that takes a gradient");
    return loss.item<double>() / static_cast<double>(settings_.accumulate_grad_batches);
  }

  void backward(const at::Tensor& loss) {
    // The gradient of the mean with respect to one micro-batch's loss, made once.
    if (!seed_.defined() || seed_.scalar_type() != loss.scalar_type() || seed_.sizes() != loss.sizes() ||
        seed_.device() != loss.device()) {
      seed_ = at::full_like(loss.detach(), 1.0 / static_cast<double>(settings_.accumulate_grad_batches));
    }
    loss.backward(seed_);
  }

  SweepSettings settings_;
  at::Device device_;
  torch::nn::SequentialImpl* sequential_;
  LossTracker tracker_;
  std::unique_ptr<Updater> updater_;
  Snapshot snapshot_;
  at::Tensor seed_;
  double total_ = 0;  // of the micro-batches before the step's last
  bool restored_ = false;
};

Sweep::Sweep(torch::nn::Module* network, const torch::optim::Optimizer& optimizer, SweepSettings settings)
    : impl_(translated([&] { return std::make_unique<Impl>(network, optimizer, std::move(settings)); })) {}

Sweep::~Sweep() = default;

void Sweep::accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  translated([&] { impl_->accumulate(impl_->forward(input, target, loss)); });
}

void Sweep::accumulate(const at::Tensor& loss) {
  translated([&] { impl_->accumulate(loss); });
}

StepResult Sweep::step(const at::Tensor& input, const at::Tensor& target, Loss loss, double lr) {
  return translated([&] { return impl_->step(impl_->forward(input, target, loss), lr); });
}

StepResult Sweep::step(const at::Tensor& loss, double lr) {
  return translated([&] { return impl_->step(loss, lr); });
}

double Sweep::last_loss() const noexcept { return impl_->tracker().last(); }
double Sweep::smoothed_loss() const noexcept { return impl_->tracker().smoothed(); }
double Sweep::best_loss() const noexcept { return impl_->tracker().best(); }

std::string Sweep::device() const { return impl_->device().str(); }

void Sweep::restore() {
  translated([&] { impl_->restore(); });
}

}  // namespace lrfinder

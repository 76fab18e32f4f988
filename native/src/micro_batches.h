#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "lrfinder/losses.h"
#include "lrfinder/step_settings.h"

namespace lrfinder {

using Optimizers = c10::ArrayRef<const torch::optim::Optimizer*>;

/// Group by group.
std::vector<at::Tensor> parameters_of(Optimizers optimizers);

/// From batches to losses and from losses to gradients: what the steps of a sweep and of a training have in common.
/// Refuses, by lrfinder::Error, settings, models, batches and losses that cannot be trained.
class MicroBatches {
 public:
  /// `network` may be null.
  MicroBatches(torch::nn::Module* network, Optimizers optimizers, const StepSettings& step);
  MicroBatches(torch::jit::Module network, Optimizers optimizers, const StepSettings& step);

  /// The loss of the network's output, in the present grad mode.
  at::Tensor loss(const at::Tensor& input, const at::Tensor& target, Loss loss) const;
  /// The same as a number, without gradients.
  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) const;

  /// Counts a micro-batch of the present step; returns the mean loss of those counted.
  double add(const at::Tensor& loss);
  /// The mean loss of those counted, of which there must be one at least.
  double mean() const;
  /// Adds the gradients of the micro-batch counted last, to these parameters alone if any are given.
  void backward(const at::Tensor& loss, at::TensorList parameters = {});
  /// Ends the step: makes the gradients the mean of its micro-batches, however few those were, and clips each
  /// optimizer's.
  void finish(Optimizers optimizers);

  at::Device device() const { return device_; }

 private:
  at::Tensor forward(const at::Tensor& input) const;

  at::Device device_;
  torch::nn::SequentialImpl* sequential_;  // null unless the network is exactly that
  std::optional<torch::jit::Module> script_;
  StepSettings step_;
  at::Tensor seed_;
  double total_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace lrfinder

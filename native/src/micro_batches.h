#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <vector>

#include "lrfinder/objective.h"

namespace lrfinder {

std::vector<at::Tensor> parameters_of(const torch::optim::Optimizer& optimizer);

/// From batches to losses and from losses to gradients: what the steps of a sweep and of a training have in common.
/// Refuses, by lrfinder::Error, models, batches and losses that cannot be trained.
class MicroBatches {
 public:
  /// `network` may be null; at most `per_step` micro-batches make a step.
  MicroBatches(torch::nn::Module* network, const torch::optim::Optimizer& optimizer, std::int64_t per_step,
               Precision precision);

  /// The loss of the network's output, in the present grad mode.
  at::Tensor loss(const at::Tensor& input, const at::Tensor& target, Loss loss) const;
  /// The same as a number, without gradients.
  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) const;

  /// Counts a micro-batch of the present step; returns the mean loss of those counted.
  double add(const at::Tensor& loss);
  /// Adds the gradients of the micro-batch counted last.
  void backward(const at::Tensor& loss);
  /// Ends the step: if it had fewer micro-batches than `per_step`, makes the gradients their mean.
  void finish(const torch::optim::Optimizer& optimizer);

  at::Device device() const { return device_; }

 private:
  at::Device device_;
  torch::nn::SequentialImpl* sequential_;  // null unless the network is exactly that
  std::int64_t per_step_;
  Precision precision_;
  at::Tensor seed_;
  double total_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace lrfinder

#pragma once

#include <ATen/core/Tensor.h>
#include <torch/optim/optimizer.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "networks.h"

namespace lrfinder_benchmarks {

/// What a loop trains with: made once for a contender.
struct Workload {
  Network network;
  std::string optimizer;  // sgd, adam or adamw, at their defaults but for the rate
  at::Tensor inputs;
  at::Tensor targets;
  int64_t batch_size;
  bool shuffled;
};

/// A sweep or a training, by hand.
class Loop {
 public:
  virtual ~Loop() = default;

  /// A step at each rate; returns the losses. The network is as before afterwards, if `restored`.
  std::vector<double> run(const std::vector<double>& rates, bool restored);

 protected:
  explicit Loop(Workload workload) : workload_(std::move(workload)) {}

  virtual void start() = 0;
  virtual double step(const at::Tensor& input, const at::Tensor& target, double lr) = 0;
  /// Fills in the losses that steps did not know.
  virtual void finish(std::vector<double>& /*losses*/) {}
  at::Tensor loss(const at::Tensor& input, const at::Tensor& target);

  Workload workload_;
};

/// As the C++ API invites one to write it.
std::unique_ptr<Loop> plain_loop(Workload workload);

/// The floor: what is left when one writes it for speed, with a fused kernel for all parameters.
std::unique_ptr<Loop> bare_loop(Workload workload);

}  // namespace lrfinder_benchmarks

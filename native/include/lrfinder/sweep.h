#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "lrfinder/objective.h"

namespace lrfinder {

/// What a step of the sweep found.
enum class StepResult : std::int32_t {
  kContinue,   ///< the loss was recorded and the parameters were updated
  kDiverged,   ///< the loss was recorded and tripped the early stop; nothing was updated
  kNonFinite,  ///< the loss was NaN or infinite; it was not recorded and nothing was updated
};

struct SweepSettings {
  /// Weight of the past in the running loss, in [0, 1).
  double smoothing_beta = 0.98;
  /// The running loss may exceed its best by (threshold - 1) scales; infinity never stops. Greater than 1.
  double early_stop_threshold = 4.0;
  /// Total norm that the averaged gradients are clipped to before an update; infinity leaves them alone. Positive.
  double gradient_clip_norm = std::numeric_limits<double>::infinity();
  /// Micro-batches whose losses and gradients are averaged in one step, at most. At least 1.
  std::int64_t accumulate_grad_batches = 1;
  Precision precision = Precision::kFloat32;
  /// Each parameter group's learning rate as a multiple of the swept one; empty: 1 for every group.
  std::vector<double> group_ratios;
};

/// One sweep over learning rates: trains `network` step by step with a private copy of `optimizer` and puts everything
/// back at the end.
///
/// The constructor takes a snapshot of parameters, gradients, buffers, train/eval modes, the grad mode of this thread
/// and the random number generators; `restore` and, at the latest, the destructor put it back, bit for bit. The
/// optimizer is read once, by the constructor, and never stepped or written.
///
/// A step is made of at most `accumulate_grad_batches` micro-batches: `accumulate` all but the last, `step` the last,
/// which may come early. After kDiverged, kNonFinite or an Error the sweep is over: only `restore` may follow.
///
/// Network and optimizer must outlive the sweep. A sweep is confined to one thread, apart from the destructor of a
/// sweep that was restored. Every method may throw lrfinder::Error.
class Sweep {
 public:
  /// `network` may be null when the caller computes losses: then only the optimizer's parameters are put back.
  Sweep(torch::nn::Module* network, const torch::optim::Optimizer& optimizer, SweepSettings settings);
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  /// Forwards `input` through the network, which must be a torch::nn::SequentialImpl, and adds the loss's gradients.
  void accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss);
  /// Adds the gradients of a loss that the caller computed: one real number.
  void accumulate(const at::Tensor& loss);

  /// The last micro-batch of a step: records the mean loss, tests for divergence, clips and updates at `lr`.
  StepResult step(const at::Tensor& input, const at::Tensor& target, Loss loss, double lr);
  StepResult step(const at::Tensor& loss, double lr);

  /// The loss of a batch, without gradients, in the train/eval modes that the network is in.
  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss);

  /// Loss of the last step, averaged over its micro-batches, before that step's update.
  double last_loss() const noexcept;
  /// Bias-corrected running average of the losses up to the last step.
  double smoothed_loss() const noexcept;
  /// Lowest running average before a step that diverged.
  double best_loss() const noexcept;

  /// Device of the parameters, as libtorch names it: "cpu", "cuda:0".
  std::string device() const;

  /// Puts back what the constructor saw. Further calls do nothing; no step may follow.
  void restore();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lrfinder

#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "averaging.h"
#include "forward.h"
#include "gradients.h"
#include "loss_queue.h"
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
  MicroBatches(torch::nn::Module* network, Optimizers optimizers, const StepSettings& step, Reach reach = {});
  MicroBatches(torch::jit::Module network, Optimizers optimizers, const StepSettings& step, Reach reach = {});

  /// The loss of a batch without gradients.
  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) const;

  /// Counts a micro-batch of the present step, forwarded here.
  void add(const at::Tensor& input, const at::Tensor& target, Loss loss);
  /// The same with a loss that the caller computed, of so many rows.
  void add(const at::Tensor& loss, double rows);
  /// The same with a loss that the caller would compute, if the step can be replayed. Otherwise the caller has to
  /// compute it and `add` it, or to `abandon` it.
  bool replay(const at::Tensor& input, const at::Tensor& target);
  void abandon();
  /// Whether the losses counted may be finite. On a device that is not known.
  bool may_be_finite() const;
  /// The mean loss of those counted, of which there must be one at least. On a device without a wait for it.
  StepLoss mean() const;
  /// Adds the gradients of the micro-batch counted last, if there is one whose have not been added.
  void backward();
  /// With other processes, before `finish`: makes the gradients those of the mean over the rows of all, of whom this
  /// one may have counted none.
  Averaging::Step average(Optimizers optimizers, Ending ending);
  /// Ends the step: makes the gradients the mean of its micro-batches, however few those were, and clips each
  /// optimizer's.
  void finish(Optimizers optimizers);

  /// Forgets those counted, whose gradients are the caller's to drop.
  void abandon_step();
  /// Whether some were counted since the last step.
  bool begun() const { return count_ > 0; }

  at::Device device() const { return forward_->device(); }
  const std::shared_ptr<const Forward>& forward() const { return forward_; }
  /// Null if there are no other processes.
  Averaging* averaging() const { return averaging_.get(); }

  /// Steps of which every micro-batch was replayed.
  std::int64_t replayed_steps() const { return replayed_steps_; }
  /// Why none was.
  std::string not_replayed_because() const { return gradients_->reason(); }

 private:
  MicroBatches(std::shared_ptr<const Forward> forward, Optimizers optimizers, const StepSettings& step, Reach reach);

  template <typename Compute>
  void add_computed(double rows, const Compute& compute);
  void count(double loss, double rows);
  void count_late(const at::Tensor& loss, double rows);
  void make_mean(Optimizers optimizers) const;
  void start();

  StepSettings step_;
  std::shared_ptr<const Forward> forward_;
  std::unique_ptr<Gradients> gradients_;
  std::unique_ptr<Averaging> averaging_;
  std::uintptr_t trained_;  // of the parameters that take a gradient
  StepLoss total_;
  std::int64_t count_ = 0;
  double rows_ = 0;            // of those counted
  bool pending_ = false;       // the gradients of the last are to be added
  bool averaged_ = false;      // the gradients are those of all processes
  std::int64_t replayed_ = 0;  // of those counted
  std::int64_t replayed_steps_ = 0;
};

}  // namespace lrfinder

#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <memory>
#include <string>

#include "lrfinder/losses.h"
#include "lrfinder/process_group.h"
#include "lrfinder/step_settings.h"

namespace lrfinder {

/// Trains `network` with the caller's own `optimizer`: at the rates that its groups have, on its own state, which is
/// after each step what the optimizer's own steps would have made of it. Optimizers of SGD, Adam, AdamW and Adagrad go
/// through fused kernels, others through their own `step`, in whatever way it is written; one that needs a closure
/// (LBFGS) is refused.
///
/// A step is made of at most `accumulate_grad_batches` micro-batches: `accumulate` all but the last, `step` the last,
/// which may come early. Gradients are dropped before the first step and after each.
///
/// On the CPU a step's loss is known when the step is. On any other device the host does not wait for it: a step then
/// may tell the loss of an earlier one, always the oldest that was not known; at most four are on their way, then the
/// oldest is waited for.
///
/// With other processes a step is made by all of them: each has its own micro-batches, or none, and its last one's
/// `step` or its `finish` waits for the others. Losses and gradients are then those of all rows, and the host waits for
/// them on any device. `agree` comes before the first step.
///
/// Network and optimizer must outlive the training; groups and rates may be changed and state loaded between steps.
/// Confined to one thread at a time. Every method may throw lrfinder::Error.
class Training {
 public:
  /// `network` may be null when the caller computes losses.
  Training(torch::nn::Module* network, torch::optim::Optimizer& optimizer, const StepSettings& step);
  ~Training();
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /// Forwards `input` through the network, which must be a torch::nn::SequentialImpl, and adds the loss's gradients.
  void accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss);
  /// Adds the gradients of a loss that the caller computed: one real number.
  /// `rows` that it is the mean of count with other processes alone.
  void accumulate(const at::Tensor& loss, double rows = 1);

  /// The last micro-batch of a step: clips and updates. Returns whether a loss has become known, `loss`.
  bool step(const at::Tensor& input, const at::Tensor& target, Loss loss);
  bool step(const at::Tensor& loss, double rows = 1);
  /// The same with the micro-batches that were accumulated, of which there must be one at least; with other processes
  /// there may be none, and where none has any nothing is updated and no loss known.
  bool finish();

  /// Waits for the oldest step whose loss is not known; returns whether there was one.
  bool settle();

  /// What the last steps came to: one object for the whole training, which the Java side reads in place, as two
  /// doubles.
  struct Progress {
    double loss = 0;    ///< the mean loss of a step, before its update, that became known last
    double ending = 0;  ///< with other processes: the Ending that came with the last step, as a number
  };
  const Progress& progress() const noexcept;
  double loss() const noexcept { return progress().loss; }

  /// With other processes: waits for them, and refuses, in all of them, what is not alike. `lines` say what else that
  /// is, each as "what=value". Parameters and buffers have to be alike in number, shapes and types, and parameters
  /// in their values; with `broadcast` both are made those of rank 0.
  void agree(const std::string& lines, bool broadcast);
  /// Says that this process ends the epoch, or the training, so that all do after their next step.
  void end(Ending ending);
  /// The mean of what all processes have: totals by weights. Refused in all if these are 0.
  double average(double total, double weight);

  /// For losses that the caller computes, with Replay::kDeclaredStatic: whether the micro-batch was replayed, which
  /// stands for `accumulate`. If not, the caller computes its loss and hands it over next, or calls `abandon`.
  bool replay(const at::Tensor& input, const at::Tensor& target);
  void abandon();

  /// The loss of a batch, without gradients, in the train/eval modes that the network is in.
  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss);

  /// Steps that were replayed from a recording.
  std::int64_t replayed_steps() const;
  /// Why none was; without meaning where some were.
  std::string not_replayed_because() const;

  /// Device of the parameters, as libtorch names it: "cpu", "cuda:0".
  std::string device() const;
  /// How losses come to the host: "immediate" or "late"; "graph" where the steps are replayed as a CUDA graph besides.
  std::string path() const;
  /// Why it is not a faster one; empty if there is none.
  std::string path_reason() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lrfinder

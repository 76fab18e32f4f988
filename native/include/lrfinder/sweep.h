#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lrfinder/group_rate.h"
#include "lrfinder/losses.h"
#include "lrfinder/process_group.h"
#include "lrfinder/running_loss.h"
#include "lrfinder/step_settings.h"

namespace lrfinder {

/// What a step of the sweep found.
enum class Outcome : std::int32_t {
  kContinue,   ///< the loss was recorded and the parameters were updated
  kDiverged,   ///< the loss was recorded and tripped the early stop; nothing was updated
  kNonFinite,  ///< the loss was NaN or infinite; it was not recorded and nothing was updated
  kPending,    ///< no loss has become known: that of the step is on its way
  // With other processes alone, of which one ends the sweep here: as kContinue, and no step follows.
  kCancelled,
  kTimeLimit,
  kDataExhausted,
  kNoData,  ///< no process had data for the step: nothing was recorded or updated
};

struct SweepSettings {
  /// Planned optimizer steps, at least 1. The early stop tests nothing in the first tenth of them, and in five at
  /// least.
  std::int64_t steps = 100;
  /// Weight of the past in the running loss, in [0, 1).
  double smoothing_beta = 0.98;
  /// The running loss may exceed its best by (threshold - 1) scales; infinity never stops. Greater than 1.
  double early_stop_threshold = 4.0;
  StepSettings step;
  /// How each parameter group's learning rate follows the swept one. Groups count through all optimizers. Empty: all
  /// have the swept rate.
  std::vector<GroupRate> group_rates;

  void add_group_rate(double ratio, double constant, double origin, double scale, double exponent) {
    group_rates.push_back({ratio, constant, origin, scale, exponent});
  }
};

/// What a sweep trains, in parts: each is a loss of a network with the optimizers that lower it. One part is a usual
/// training; a GAN has two, which take turns in every step.
class SweepSubject {
 public:
  /// Begins a part; `network` may be null when the caller computes losses: then only the optimizers' parameters
  /// are put back. The losses of those parts that are `recorded` add up to the curve.
  void add_part(torch::nn::Module* network, bool recorded) { parts_.push_back({network, {}, recorded, {}}); }
  void add_part(const torch::jit::Module& network, bool recorded) {
    parts_.push_back({nullptr, network, recorded, {}});
  }
  /// Adds an optimizer to the part begun last.
  void add_optimizer(const torch::optim::Optimizer& optimizer) { parts_.back().optimizers.push_back(&optimizer); }

  struct Part {
    torch::nn::Module* module;
    std::optional<torch::jit::Module> script;
    bool recorded;
    std::vector<const torch::optim::Optimizer*> optimizers;
  };
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
};

/// One sweep over learning rates: trains networks step by step with private copies of optimizers and puts everything
/// back at the end.
///
/// The constructor takes a snapshot of parameters, gradients, buffers, train/eval modes, the grad mode of this thread
/// and the random number generators; `restore` and, at the latest, the destructor put it back, bit for bit. The
/// optimizers are read once, by the constructor, and never stepped or written. TorchScript runs unoptimized on this
/// thread until then, so that its executor learns nothing from the sweep.
///
/// A step is made of at most `step.accumulate_grad_batches` micro-batches: `accumulate` all but the last, `step` the
/// last, which may come early; or `accumulate` all and `finish`. With several parts each micro-batch goes to one after
/// the other, and a backward pass reaches the parameters of its own part's optimizers alone; the last part's
/// `step` records the sum of the losses. After kDiverged, kNonFinite or an Error the sweep is over: only `restore` may
/// follow.
///
/// On any device but the CPU the host does not wait for losses. A step that is not the first then says what an earlier
/// one found: the oldest whose loss was not known yet, if it has become known, else kPending; at most four are on their
/// way, then the oldest is waited for. `settle` waits for those that are left. Each step is recorded as if its loss had
/// been known at once, and after kDiverged or kNonFinite those begun since do not count; fused kernels updated
/// nothing in them either.
///
/// With other processes a step is made by all of them: each has its own micro-batches, or none, and its last one's
/// `step` or its `finish` waits for the others. Losses, gradients and outcomes are then those of all rows, and the host
/// waits for them on any device. `agree` comes before the first step.
///
/// Networks and optimizers must outlive the sweep. A sweep is confined to one thread, apart from the destructor of a
/// sweep that was restored. Every method may throw lrfinder::Error.
class Sweep {
 public:
  Sweep(const SweepSubject& subject, const SweepSettings& settings);
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  /// Forwards `input` through the first part's network, which must be a torch::nn::SequentialImpl or of
  /// TorchScript, and adds the loss's gradients.
  void accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss);
  /// Adds the gradients of a loss that the caller computed: one real number. `rows` that it is the mean of count with
  /// other processes alone.
  void accumulate(const at::Tensor& loss, std::int64_t part = 0, double rows = 1);

  /// The last micro-batch of a step: records the mean loss, tests for divergence, clips and updates at `lr`.
  Outcome step(const at::Tensor& input, const at::Tensor& target, Loss loss, double lr);
  Outcome step(const at::Tensor& loss, double lr, std::int64_t part = 0, double rows = 1);
  /// The same with the micro-batches that were accumulated, of which there must be one at least; with other processes
  /// there may be none.
  Outcome finish(double lr, std::int64_t part = 0);

  /// Waits for the oldest step whose loss is not known and says what it found; kPending if there is none.
  Outcome settle();

  /// For losses that the caller computes, with Replay::kDeclaredStatic: whether the micro-batch was replayed, which
  /// stands for `accumulate`. If not, the caller computes its loss and hands it over next, or calls `abandon`.
  bool replay(const at::Tensor& input, const at::Tensor& target, std::int64_t part = 0);
  void abandon(std::int64_t part = 0);

  /// The loss of a batch, without gradients, in the train/eval modes that the network is in.
  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss);

  /// With other processes: waits for them, and refuses, in all of them, what is not alike. `lines` say what else that
  /// is, each as "what=value". Parameters and buffers have to be alike in number, shapes and types, and parameters
  /// in their values; with `broadcast` both are made those of rank 0 until `restore`. `validated`: `average` is called
  /// after each step that was recorded.
  void agree(const std::string& lines, bool broadcast, bool validated);
  /// Says that this process ends the sweep, so that all do after their next step.
  void end(Ending ending);
  /// The mean of what all processes have: totals by weights. Refused in all if these are 0.
  double average(double total, double weight);

  /// What the steps whose losses are known have found: one object for the whole sweep, which each outcome but kPending
  /// updates.
  const RunningLoss& running_loss() const noexcept;

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

  /// Puts back what the constructor saw, and where that fails all the rest. Further calls do nothing, whether this one
  /// failed or not; no step may follow.
  void restore();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lrfinder

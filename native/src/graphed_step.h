#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forward.h"
#include "gradients.h"
#include "lrfinder/step_settings.h"
#include "outside_tensor.h"
#include "static_modules.h"
#include "step_graph.h"
#include "updater.h"

namespace lrfinder {

/// Lets the device repeat steps by itself: some are run as ever, one is recorded, those after it are replayed, with the
/// batch, the rates and the counters of updates in memory that stays where it is.
///
/// Rates are then float32: libtorch's kernels take none of the device's that are not. Apart from that a replayed step
/// is what it would have been. A batch of another shape is run as ever; once the network or its optimizer is not what
/// was recorded, all are.
class GraphedStep {
 public:
  /// A step in two halves, each of which queues work and waits for none; between them the host does what it has to.
  class Halves {
   public:
    virtual ~Halves() = default;
    /// Computes the loss and returns it: a float64 number on the device.
    virtual at::Tensor forward(const MicroBatch& batch) = 0;
    /// Called in every step. False ends the step here.
    virtual bool record(const at::Tensor& loss) = 0;
    /// Computes gradients and updates by the updater, once, at the rates that its groups have.
    virtual void update() = 0;
    /// Forgets a step that was begun.
    virtual void forget() = 0;
  };

  /// A sweep of fewer steps is over before recording one has paid.
  static constexpr std::int64_t kLeastSteps = 300;

  /// Null, and why, where steps of this kind cannot be replayed; without a reason where that is not wanted. `updater`
  /// and `network`, which may be null, must outlive it.
  static std::unique_ptr<GraphedStep> of(std::shared_ptr<const Forward> forward, const StepSettings& step,
                                         Updater& updater, const torch::nn::Module* network, std::string* why);

  /// `tensors`: those that a step comes by without an operator.
  GraphedStep(std::unique_ptr<StepGraph> graph, std::shared_ptr<const Forward> forward, Updater& updater,
              std::vector<at::Tensor> tensors);

  /// Runs a step, in one way or the other. In every call the same `step`, which must outlive this.
  void run(const MicroBatch& batch, Halves& step);

  bool replays() const { return recorded_.has_value(); }
  /// Why nothing is replayed; empty while that may still come.
  const std::string& reason() const { return reason_; }

 private:
  /// What a recorded step has built in.
  struct Recorded {
    at::Tensor loss;  // that it writes
    StaticModules modules;
    std::vector<OutsideTensor> tensors;
  };

  static void run_as_ever(const MicroBatch& batch, Halves& step);
  void begin(const MicroBatch& batch);
  void warm_up(const MicroBatch& batch, Halves& step);
  void record(Halves& step);
  void replay(const MicroBatch& batch, Halves& step);
  void give_up(const std::string& reason);
  bool unchanged() const;

  std::unique_ptr<StepGraph> graph_;  // null for good where there is a reason
  std::shared_ptr<const Forward> forward_;
  Updater& updater_;
  std::vector<at::Tensor> tensors_;
  std::string reason_;
  MicroBatch place_;  // like the batch of the last step: a recorded one reads it here
  int alike_ = 0;     // steps in a row with batches that it fits
  std::optional<Recorded> recorded_;
};

}  // namespace lrfinder

#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>
#include <string>

#include "loss_queue.h"
#include "loss_tracker.h"
#include "lrfinder/running_loss.h"
#include "lrfinder/sweep.h"

namespace lrfinder {

/// From the mean losses of a sweep's parts to what its steps found.
class StepMonitor {
 public:
  /// On the CPU at once; on any other device late, without a wait for it.
  static std::unique_ptr<StepMonitor> of(at::Device device, const SweepSettings& settings);

  virtual ~StepMonitor() = default;
  StepMonitor(const StepMonitor&) = delete;
  StepMonitor& operator=(const StepMonitor&) = delete;

  /// Takes the mean loss of a part, before its update; with the `last` part's a step is complete. Returns what is
  /// known: kContinue after all but the last part, unless the loss ends the sweep; then what Sweep::step says.
  virtual Outcome record(const StepLoss& mean, bool recorded, bool last) = 0;
  /// As Sweep::settle.
  virtual Outcome settle() = 0;
  /// A float32 number on the device: where it is 1, updates are to do nothing. Undefined where `record` says so in
  /// time.
  virtual at::Tensor stopped() const = 0;
  /// As Sweep::path and Sweep::path_reason.
  virtual std::string path() const = 0;
  virtual std::string path_reason() const = 0;

  const RunningLoss& running_loss() const { return tracker_.running_loss(); }

 protected:
  explicit StepMonitor(const SweepSettings& settings);

  /// What a part's loss, a number now, makes of the curve: the same for both, so that both report the same.
  Outcome count(double mean, bool recorded, bool last);

 private:
  LossTracker tracker_;
  double step_loss_ = 0;  // of the parts so far
};

}  // namespace lrfinder

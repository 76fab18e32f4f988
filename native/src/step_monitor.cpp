#include "step_monitor.h"

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <cstddef>
#include <deque>
#include <utility>

#include "device_tracker.h"
#include "failure.h"

namespace lrfinder {
namespace {

class ImmediateMonitor final : public StepMonitor {
 public:
  explicit ImmediateMonitor(const SweepSettings& settings) : StepMonitor(settings) {}

  Outcome record(const StepLoss& mean, bool recorded, bool last) override { return count(mean.number, recorded, last); }
  Outcome settle() override { return Outcome::kPending; }
  at::Tensor stopped() const override { return {}; }
  std::string path() const override { return "immediate"; }
  std::string path_reason() const override { return ""; }
};

/// The device decides by itself when to update no more; the host goes over the same losses some steps later.
class LateMonitor final : public StepMonitor {
 public:
  LateMonitor(at::Device device, const SweepSettings& settings)
      : StepMonitor(settings),
        options_(at::TensorOptions().dtype(at::kDouble).device(device)),
        queue_(device),
        tracker_(DeviceTracker::of(device, settings, &reason_)) {}

  Outcome record(const StepLoss& mean, bool recorded, bool last) override {
    watch(mean.on_device, recorded, last);
    queue_.push(mean.on_device);
    parts_.push_back({recorded, last});
    if (!last) return Outcome::kContinue;
    ++pending_;
    return next(/*wait=*/pending_ > LossQueue::kMostPending);
  }

  Outcome settle() override { return next(/*wait=*/true); }
  at::Tensor stopped() const override { return tracker_->stopped(); }
  std::string path() const override { return "late"; }
  std::string path_reason() const override { return reason_; }

 private:
  /// Of a loss in the queue.
  struct Part {
    bool recorded;
    bool last;
  };

  void watch(const at::Tensor& mean, bool recorded, bool last) {
    const c10::NoGradGuard no_grad;
    if (recorded) step_loss_ = step_loss_.defined() ? step_loss_ + mean : mean;
    if (!recorded || !last) {
      if (!one_.defined()) one_ = at::ones({}, options_.dtype(at::kFloat));
      at::Tensor flag = tracker_->stopped();
      at::_amp_foreach_non_finite_check_and_unscale_({mean}, flag, one_);
    }
    if (!last) return;
    tracker_->add(step_loss_.defined() ? step_loss_ : at::zeros({}, options_));
    step_loss_.reset();
  }

  /// What the oldest step found.
  Outcome next(bool wait) {
    while (const auto loss = queue_.take(wait)) {
      const Part part = parts_.front();
      parts_.pop_front();
      const Outcome found = count(*loss, part.recorded, part.last);
      if (part.last) --pending_;
      if (part.last || found != Outcome::kContinue) return found;
    }
    return Outcome::kPending;
  }

  at::TensorOptions options_;
  LossQueue queue_;
  std::string reason_;  // before the tracker, whose maker writes it
  std::unique_ptr<DeviceTracker> tracker_;
  std::deque<Part> parts_;   // whose losses are in the queue
  std::size_t pending_ = 0;  // complete steps in the queue
  at::Tensor step_loss_;     // of the parts so far
  at::Tensor one_;
};

LossTracker tracker_of(const SweepSettings& settings) {
  if (settings.steps < 1) refuse("steps ", settings.steps, " must be at least 1");
  if (!(settings.smoothing_beta >= 0 && settings.smoothing_beta < 1)) {
    refuse("smoothing_beta ", settings.smoothing_beta, " must be in [0, 1)");
  }
  if (!(settings.early_stop_threshold > 1)) {
    refuse("early_stop_threshold ", settings.early_stop_threshold, " must be greater than 1");
  }
  return {settings.smoothing_beta, settings.early_stop_threshold, settings.steps};
}

}  // namespace

std::unique_ptr<StepMonitor> StepMonitor::of(at::Device device, const SweepSettings& settings) {
  if (device.is_cpu()) return std::make_unique<ImmediateMonitor>(settings);
  return std::make_unique<LateMonitor>(device, settings);
}

StepMonitor::StepMonitor(const SweepSettings& settings) : tracker_(tracker_of(settings)) {}

Outcome StepMonitor::count(double mean, bool recorded, bool last) {
  if (!std::isfinite(mean)) return Outcome::kNonFinite;
  if (recorded) step_loss_ += mean;
  if (!last) return Outcome::kContinue;
  return tracker_.add(std::exchange(step_loss_, 0.0)) ? Outcome::kDiverged : Outcome::kContinue;
}

}  // namespace lrfinder

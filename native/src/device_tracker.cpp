#include "device_tracker.h"

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <cstdint>

#include "cuda_library.h"
#include "loss_tracker.h"

namespace lrfinder {
namespace {

/// By libtorch's operators, on any device: in each step those of LossTracker, in its order and in float64, so that they
/// round alike. What does not depend on a loss is a number of the host's.
class OperatorTracker final : public DeviceTracker {
 public:
  OperatorTracker(at::Device device, const SweepSettings& settings)
      : options_(at::TensorOptions().dtype(at::kDouble).device(device)),
        beta_(settings.smoothing_beta),
        threshold_(settings.early_stop_threshold),
        settling_(LossTracker::settling(settings.steps)),
        stopped_(at::zeros({}, options_.dtype(at::kFloat))),
        one_(at::ones({}, options_.dtype(at::kFloat))) {}

  void add(const at::Tensor& loss) override {
    const c10::NoGradGuard no_grad;
    at::_amp_foreach_non_finite_check_and_unscale_({loss}, stopped_, one_);
    if (!std::isinf(threshold_)) track(loss);
  }

  const at::Tensor& stopped() const override { return stopped_; }

 private:
  void track(const at::Tensor& loss) {
    const at::Tensor share = loss * (1 - beta_);
    average_ = count_ == 0 ? share : average_.mul_(beta_).add_(share);
    const at::Tensor smoothed = average_ / number(1 - std::pow(beta_, static_cast<double>(count_ + 1)));
    lowest_ = count_ == 0 ? loss : at::minimum(lowest_, loss);
    if (count_ == 0) first_smoothed_ = smoothed;
    if (count_ < settling_) {
      early_high_ = count_ == 0 ? loss : at::maximum(early_high_, loss);
      early_low_ = lowest_;
      best_ = smoothed;
    } else {
      if (count_ == settling_) early_spread_ = early_high_ - early_low_;
      const at::Tensor scale = at::where(lowest_ > 0, best_.abs(), at::maximum(first_smoothed_ - best_, early_spread_));
      at::maximum_out(stopped_, stopped_, (smoothed > scale * (threshold_ - 1) + best_).to(at::kFloat));
      best_ = at::minimum(best_, smoothed);
    }
    ++count_;
  }

  /// On the device: CUDA divides by a number of the host's by multiplying with its reciprocal, which rounds otherwise.
  at::Tensor number(double value) const { return at::full({}, value, options_); }

  at::TensorOptions options_;
  double beta_;
  double threshold_;
  std::int64_t settling_;
  std::int64_t count_ = 0;
  at::Tensor stopped_;
  at::Tensor one_;
  at::Tensor average_;
  at::Tensor first_smoothed_;
  at::Tensor best_;
  at::Tensor lowest_;
  at::Tensor early_low_;
  at::Tensor early_high_;
  at::Tensor early_spread_;
};

}  // namespace

std::unique_ptr<DeviceTracker> DeviceTracker::of(at::Device device, const SweepSettings& settings, std::string* why) {
  *why = "";
  if (device.is_cuda()) {
    auto kernel =
        make_device_tracker(settings.smoothing_beta, settings.early_stop_threshold, settings.steps, device, why);
    if (kernel != nullptr) return kernel;
    *why = "the early stop has no kernel of its own: " + *why;
  }
  return std::make_unique<OperatorTracker>(device, settings);
}

}  // namespace lrfinder

#include "loss_tracker.h"

#include <algorithm>
#include <cmath>

namespace lrfinder {
namespace {
constexpr std::int64_t kLeastSettling = 5;
constexpr std::int64_t kSettlingShare = 10;
}  // namespace

LossTracker::LossTracker(double beta, double threshold, std::int64_t steps)
    : beta_(beta), threshold_(threshold), settling_(settling(steps)) {}

std::int64_t LossTracker::settling(std::int64_t steps) {
  return std::max(kLeastSettling, steps / kSettlingShare + (steps % kSettlingShare == 0 ? 0 : 1));
}

bool LossTracker::add(double loss) {
  running_.last = loss;
  average_ = beta_ * average_ + (1 - beta_) * loss;
  running_.smoothed = average_ / (1 - std::pow(beta_, static_cast<double>(count_ + 1)));
  all_positive_ = all_positive_ && loss > 0;
  if (count_ == 0) first_smoothed_ = running_.smoothed;
  const bool settling = count_ < settling_;
  if (settling) {
    early_low_ = count_ == 0 ? loss : std::min(early_low_, loss);
    early_high_ = count_ == 0 ? loss : std::max(early_high_, loss);
  }
  const bool stop = !settling && diverged();
  if (!stop) running_.best = settling ? running_.smoothed : std::min(running_.best, running_.smoothed);
  ++count_;
  return stop;
}

bool LossTracker::diverged() const {
  if (std::isinf(threshold_)) return false;
  // A ratio of losses means nothing once one of them is not positive: differences stand in.
  const double scale =
      all_positive_ ? std::abs(running_.best) : std::max(first_smoothed_ - running_.best, early_high_ - early_low_);
  return running_.smoothed > running_.best + (threshold_ - 1) * scale;
}

}  // namespace lrfinder

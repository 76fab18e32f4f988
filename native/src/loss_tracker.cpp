#include "loss_tracker.h"

#include <algorithm>
#include <cmath>

namespace lrfinder {
namespace {
// Losses whose spread is the yardstick of the early stop once a loss was not positive.
constexpr std::int64_t kEarly = 5;
}  // namespace

bool LossTracker::add(double loss) {
  last_ = loss;
  average_ = beta_ * average_ + (1 - beta_) * loss;
  smoothed_ = average_ / (1 - std::pow(beta_, static_cast<double>(count_ + 1)));
  all_positive_ = all_positive_ && loss > 0;
  if (count_ < kEarly) {
    early_low_ = count_ == 0 ? loss : std::min(early_low_, loss);
    early_high_ = count_ == 0 ? loss : std::max(early_high_, loss);
  }
  if (count_ == 0) {
    first_smoothed_ = smoothed_;
    best_ = smoothed_;
  }
  const bool stop = diverged();
  if (!stop) best_ = std::min(best_, smoothed_);
  ++count_;
  return stop;
}

bool LossTracker::diverged() const {
  if (count_ == 0 || std::isinf(threshold_)) return false;
  // A ratio of losses means nothing once one of them is not positive: differences stand in.
  if (!all_positive_ && count_ < kEarly) return false;
  const double scale = all_positive_ ? std::abs(best_) : std::max(first_smoothed_ - best_, early_high_ - early_low_);
  return smoothed_ > best_ + (threshold_ - 1) * scale;
}

}  // namespace lrfinder

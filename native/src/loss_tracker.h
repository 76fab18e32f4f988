#pragma once

#include <cstdint>

#include "lrfinder/running_loss.h"

namespace lrfinder {

/// The running loss of a sweep and its early stop, in double precision.
class LossTracker {
 public:
  /// `beta` in [0, 1); `threshold` > 1, infinity never stops; `steps` are planned: in the first tenth of them, and at
  /// least in the first five, nothing stops, so that one lucky loss cannot end a sweep.
  LossTracker(double beta, double threshold, std::int64_t steps);

  /// Steps of that many in which nothing stops.
  static std::int64_t settling(std::int64_t steps);

  /// Records a finite loss; true when the running loss has diverged. The best is not updated then.
  bool add(double loss);

  const RunningLoss& running_loss() const { return running_; }

 private:
  bool diverged() const;

  double beta_;
  double threshold_;
  std::int64_t settling_;  // steps in which the best is started anew and nothing is tested
  std::int64_t count_ = 0;
  RunningLoss running_;
  double average_ = 0;
  double first_smoothed_ = 0;
  double early_low_ = 0;  // of the losses while settling
  double early_high_ = 0;
  bool all_positive_ = true;
};

}  // namespace lrfinder

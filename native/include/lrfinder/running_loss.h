#pragma once

namespace lrfinder {

/// The losses of a sweep's steps so far. The Java side reads it in place, as three doubles in this order.
struct RunningLoss {
  double last = 0;      ///< loss of the last step, averaged over its micro-batches, before that step's update
  double smoothed = 0;  ///< bias-corrected running average of the losses up to the last step
  /// Lowest running average since the early stop began to test, without a step that diverged; before, the present one.
  double best = 0;
};
static_assert(sizeof(RunningLoss) == 3 * sizeof(double));

}  // namespace lrfinder

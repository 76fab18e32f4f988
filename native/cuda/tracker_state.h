// Read by the compiler of the kernel and by that of the host: no includes.
#pragma once

namespace lrfinder {

/// What the kernel keeps between steps: the members of LossTracker that change. All bits zero before the first step.
struct TrackerState {
  long long count;
  double average;
  double best;
  double first_smoothed;
  double early_low;  // of the losses while settling
  double early_high;
  int one_not_positive;
};

}  // namespace lrfinder

// LossTracker (native/src/loss_tracker.cpp) with the sweep's end on losses that are not finite, as one thread of the
// device runs it: in double precision, operation by operation as there, and without fused multiply-adds, so that both
// decide for the same step. Also C++: tracker_kernel_test.cpp compiles it for the host and compares.
//
// tracker_kernel.ptx is made of this file and tracker_state.h, by make_ptx.py.
#include "tracker_state.h"

/// `corrections` has 1 - beta^(i + 1) for the step i, which the host computes: its pow is not the device's. `stopped`
/// becomes 1 in the step that ends the sweep and stays so.
extern "C" __global__ void lrfinder_track(const double* loss, double beta, double threshold, long long steps,
                                          const double* corrections, lrfinder::TrackerState* state, float* stopped) {
  if (*stopped != 0) return;
  const double last = *loss;
  const bool finite = last - last == 0;
  if (!finite) {
    *stopped = 1;
    return;
  }
  lrfinder::TrackerState now = *state;
  now.average = beta * now.average + (1 - beta) * last;
  const double smoothed = now.average / corrections[now.count];
  if (!(last > 0)) now.one_not_positive = 1;
  if (now.count == 0) now.first_smoothed = smoothed;
  const long long tenth = steps / 10 + (steps % 10 == 0 ? 0 : 1);
  if (now.count < (tenth < 5 ? 5 : tenth)) {  // settling
    now.early_low = now.count == 0 || last < now.early_low ? last : now.early_low;
    now.early_high = now.count == 0 || now.early_high < last ? last : now.early_high;
    now.best = smoothed;
  } else {
    const bool tests = threshold - threshold == 0;  // infinity never stops
    const double fall = now.first_smoothed - now.best;
    const double spread = now.early_high - now.early_low;
    const double magnitude = now.best < 0 ? -now.best : now.best;
    const double scale = now.one_not_positive ? (fall < spread ? spread : fall) : magnitude;
    if (tests && smoothed > now.best + (threshold - 1) * scale) {
      *stopped = 1;
    } else if (smoothed < now.best) {
      now.best = smoothed;
    }
  }
  ++now.count;
  *state = now;
}

package org.lrfinder.suggestion;

import java.util.Arrays;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * The part of a curve that fastai's rules see ({@code fastai/callback/schedule.py}, {@code
 * Learner.lr_find}, release 2.8.12): without the first tenth of the planned steps, without the last
 * five points, and up to the first loss that is not finite.
 */
record FastaiWindow(double[] rates, double[] losses) {
  private static final int SKIP_END = 5;

  static FastaiWindow of(Curve curve, SweepSettings settings) {
    double[] smoothed = curve.smoothedLosses();
    int from = Math.min(settings.steps() / 10, smoothed.length);
    int limit = Math.max(from, smoothed.length - SKIP_END);
    int to = from;
    while (to < limit && Double.isFinite(smoothed[to])) {
      to++;
    }
    return new FastaiWindow(
        Arrays.copyOfRange(curve.rates(), from, to), Arrays.copyOfRange(smoothed, from, to));
  }

  int size() {
    return rates.length;
  }
}

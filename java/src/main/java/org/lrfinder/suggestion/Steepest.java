package org.lrfinder.suggestion;

import java.util.OptionalInt;
import org.lrfinder.sweep.Curve;

/**
 * Lightning 0.8.1's rule: the point where the smoothed loss falls most from one step to the next,
 * by central differences over the step's index (one-sided at both ends), the first of equals. The
 * first {@code skipBegin} and last {@code skipEnd} points are left out.
 *
 * <p>Source: {@code pytorch_lightning/trainer/lr_finder.py}, {@code _LRFinder.suggestion}, release
 * 0.8.1. Two defects are not kept: points that are not finite do not shift the pick, and {@code
 * skipEnd} 0 means the whole rest of the curve.
 *
 * <p>Its limits: the running average lags, so that the pick moves with the number of steps; and it
 * prefers the steepest point to a good one.
 *
 * @param skipBegin points left out at the start, at least 0
 * @param skipEnd points left out at the end, at least 0
 */
public record Steepest(int skipBegin, int skipEnd) implements SuggestionRule {
  /** Creates the rule with Lightning's window: 10 points left out at the start, 1 at the end. */
  public Steepest() {
    this(10, 1);
  }

  /**
   * Creates the rule.
   *
   * @throws IllegalArgumentException if a count is negative
   */
  public Steepest {
    if (skipBegin < 0 || skipEnd < 0) {
      throw new IllegalArgumentException(
          "skipBegin is %d and skipEnd %d, but both must be at least 0"
              .formatted(skipBegin, skipEnd));
    }
  }

  @Override
  public String name() {
    return "steepest";
  }

  @Override
  public OptionalInt pick(Curve curve) {
    double[] losses = curve.smoothedLosses();
    int[] finite =
        java.util.stream.IntStream.range(skipBegin, losses.length - skipEnd)
            .filter(i -> Double.isFinite(losses[i]))
            .toArray();
    if (finite.length < 2) {
      return OptionalInt.empty();
    }
    int pick = 0;
    double steepest = Double.POSITIVE_INFINITY;
    for (int i = 0; i < finite.length; i++) {
      int before = Math.max(i - 1, 0);
      int after = Math.min(i + 1, finite.length - 1);
      double slope = (losses[finite[after]] - losses[finite[before]]) / (after - before);
      if (slope < steepest) {
        steepest = slope;
        pick = i;
      }
    }
    return OptionalInt.of(finite[pick]);
  }
}

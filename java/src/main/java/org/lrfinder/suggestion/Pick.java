package org.lrfinder.suggestion;

import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.lrfinder.sweep.Curve;

/**
 * What a rule says of a curve. Immutable.
 *
 * @param lr the rate, within the curve's
 * @param warning what to know about it, in words; mostly nothing
 */
public record Pick(double lr, Optional<String> warning) {
  private static final double ROUNDING = 1e-9;

  /**
   * Creates a pick.
   *
   * @throws IllegalArgumentException if the rate is not a number
   */
  public Pick {
    Objects.requireNonNull(warning, "warning");
    if (Double.isNaN(lr)) {
      throw new IllegalArgumentException("lr is NaN, but must be a rate of the curve");
    }
  }

  /**
   * Picks a rate, moved to the curve's nearest end, with a warning, if it lies outside.
   *
   * @param curve at least one point
   * @param lr the rate
   * @return the pick
   * @throws IllegalArgumentException if the rate is not a number
   */
  public static Pick within(Curve curve, double lr) {
    double first = curve.rate(0);
    double last = curve.rate(curve.size() - 1);
    double nearest = Math.min(Math.max(lr, first), last);
    if (Math.abs(lr - nearest) <= ROUNDING * nearest) {
      return new Pick(nearest, Optional.empty());
    }
    return new Pick(
        nearest,
        Optional.of(
            String.format(
                Locale.ROOT,
                "%.2e lies outside the swept rates, whose end %.2e stands for it",
                lr,
                nearest)));
  }
}

package org.lrfinder.suggestion;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Curve;

/**
 * What a rule says of a curve. Immutable.
 *
 * @param lr the rate, within the curve's
 * @param warning what to know about it, in words; mostly nothing: null
 */
public record Pick(double lr, @Nullable String warning) {
  private static final double ROUNDING = 1e-9;

  /**
   * Creates a pick.
   *
   * @throws IllegalArgumentException if the rate is not a number
   */
  public Pick {
    if (Double.isNaN(lr)) {
      throw new IllegalArgumentException("lr is NaN, but must be a rate of the curve");
    }
  }

  /**
   * Picks a rate without a warning.
   *
   * @param lr the rate; a result moves it to the curve's nearest end if it lies outside
   * @return the pick
   * @throws IllegalArgumentException if the rate is not a number
   */
  public static Pick of(double lr) {
    return new Pick(lr, null);
  }

  /**
   * Moves the rate to the curve's nearest end if it lies outside.
   *
   * @param curve at least one point
   * @return the pick, with a warning if it was moved and had none
   */
  public Pick within(Curve curve) {
    double nearest = Math.min(Math.max(lr, curve.rate(0)), curve.rate(curve.size() - 1));
    if (warning != null || Math.abs(lr - nearest) <= ROUNDING * nearest) {
      return new Pick(nearest, warning);
    }
    return new Pick(
        nearest,
        String.format(
            Locale.ROOT,
            "%.2e lies outside the swept rates, whose end %.2e stands for it",
            lr,
            nearest));
  }
}

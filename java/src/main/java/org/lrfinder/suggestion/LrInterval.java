package org.lrfinder.suggestion;

/**
 * How far a suggestion is one of chance: where the median pick of many sweeps of the same task
 * lies, nine times of ten. The curve's scatter around its trend is drawn anew, near where it was
 * found, and the pick made again, 64 times (a bootstrap of residuals: B. Efron, <i>Bootstrap
 * Methods: Another Look at the Jackknife</i>, 1979); the middle nine tenths of these picks, a
 * little widened, since other batches and weights change more than the scatter. It says nothing of
 * whether the rule is right.
 *
 * @param low the lower rate, greater than 0
 * @param high the upper rate, at least {@code low}
 */
public record LrInterval(double low, double high) {
  /**
   * Checks the interval.
   *
   * @throws IllegalArgumentException if it is not one of positive rates
   */
  public LrInterval {
    if (!(low > 0) || !(high >= low)) {
      throw new IllegalArgumentException(
          "low is %s and high %s, but both must be greater than 0, and high no less than low"
              .formatted(low, high));
    }
  }

  /** {@return from the lower rate to the upper, in decades} */
  public double decades() {
    return Math.log10(high / low);
  }
}

package org.lrfinder.suggestion;

import java.util.List;

/**
 * How far a suggestion is one of chance: where the median pick of many sweeps of the same task
 * lies, nine times of ten. The curve's scatter around its trend is drawn anew, near where it was
 * found, and the pick made again, 64 times (a bootstrap of residuals: B. Efron, <i>Bootstrap
 * Methods: Another Look at the Jackknife</i>, 1979); the middle nine tenths of these picks, a
 * little widened, since other batches and weights change more than the scatter. Of a search it
 * spans what its earlier sweeps suggested, too. It says nothing of whether the rule is right.
 *
 * @param low the lower rate, greater than 0
 * @param high the upper rate, at least {@code low}
 */
public record LrInterval(double low, double high) {
  static final double MARGIN = 0.1; // decades on either side

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

  /**
   * Widens the interval to what other sweeps say: what moves a pick from one sweep to another may
   * be more than the scatter of either curve shows, as where a loss falls twice.
   *
   * @param rates that other sweeps of the same task suggested, each greater than 0
   * @return the least interval with this one and, with a tenth of a decade on either side, with all
   *     the rates
   */
  public LrInterval spanning(List<Double> rates) {
    double margin = Math.pow(10, MARGIN);
    double lowest = rates.stream().mapToDouble(rate -> rate / margin).reduce(low, Math::min);
    double highest = rates.stream().mapToDouble(rate -> rate * margin).reduce(high, Math::max);
    return new LrInterval(lowest, highest);
  }

  /** {@return from the lower rate to the upper, in decades} */
  public double decades() {
    return Math.log10(high / low);
  }
}

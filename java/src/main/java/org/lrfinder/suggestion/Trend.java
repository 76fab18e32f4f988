package org.lrfinder.suggestion;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * A curve's losses without their noise, as {@link Descent} judges them: medians of three, smoothed
 * by local lines, which do not lag behind a slope as a running average does. It ends where the loss
 * diverged. Immutable.
 *
 * @param rates learning rates, rising
 * @param losses the smoothed loss at each, in the curve's unit
 */
public record Trend(double[] rates, double[] losses) {
  /**
   * Creates a trend; the arrays are copied on the way in and out.
   *
   * @throws IllegalArgumentException if there is no point, or not a loss for each rate
   */
  public Trend {
    if (rates.length == 0 || rates.length != losses.length) {
      throw new IllegalArgumentException(
          "a trend needs a loss for each rate and at least one, not %d rates and %d losses"
              .formatted(rates.length, losses.length));
    }
    rates = rates.clone();
    losses = losses.clone();
  }

  /**
   * Follows a curve.
   *
   * @param curve what a sweep recorded
   * @param settings what the sweep was to do
   * @return its trend; of a curve of fewer than {@link Descent#LEAST_POINTS} finite losses, these
   *     themselves; empty if there is none
   */
  public static Optional<Trend> of(Curve curve, SweepSettings settings) {
    return Descent.of(curve, settings).map(Descent::trend).or(() -> finite(curve));
  }

  private static Optional<Trend> finite(Curve curve) {
    int[] usable =
        IntStream.range(0, curve.size()).filter(i -> Double.isFinite(curve.loss(i))).toArray();
    return usable.length == 0
        ? Optional.empty()
        : Optional.of(
            new Trend(
                IntStream.of(usable).mapToDouble(curve::rate).toArray(),
                IntStream.of(usable).mapToDouble(curve::loss).toArray()));
  }

  /** {@return the number of points} */
  public int size() {
    return rates.length;
  }

  @Override
  public double[] rates() {
    return rates.clone();
  }

  @Override
  public double[] losses() {
    return losses.clone();
  }

  /** {@return the largest rate} */
  public double lastRate() {
    return rates[rates.length - 1];
  }

  /**
   * Interpolates, linearly in the logarithm of the rate; from a rate of 0 on, in the rate itself.
   *
   * @param lr a rate, at least 0
   * @return the smoothed loss there; outside, that of the nearest end
   */
  public double at(double lr) {
    int above = Arrays.binarySearch(rates, lr);
    if (above >= 0) {
      return losses[above];
    }
    above = -above - 1;
    if (above == 0 || above == rates.length) {
      return losses[Math.min(above, rates.length - 1)];
    }
    double below = rates[above - 1];
    double share =
        below > 0 ? Math.log(lr / below) / Math.log(rates[above] / below) : lr / rates[above];
    return losses[above - 1] + share * (losses[above] - losses[above - 1]);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Trend trend
        && Arrays.equals(rates, trend.rates)
        && Arrays.equals(losses, trend.losses);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(rates) + Arrays.hashCode(losses);
  }

  @Override
  public String toString() {
    return "Trend[%d points, %s..%s]".formatted(size(), rates[0], rates[size() - 1]);
  }
}

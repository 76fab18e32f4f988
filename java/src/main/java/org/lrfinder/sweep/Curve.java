package org.lrfinder.sweep;

import java.util.Arrays;

/**
 * What a sweep recorded, point by point: three arrays of the same length, in the order of the
 * steps. Immutable: the arrays are copied on the way in and out.
 *
 * @param rates learning rates, before the groups' ratios, rising
 * @param losses losses before the update at each rate, averaged over the step's micro-batches
 * @param smoothedLosses running losses (see {@link LossTracker})
 */
public record Curve(double[] rates, double[] losses, double[] smoothedLosses) {
  /**
   * Creates a curve.
   *
   * @throws IllegalArgumentException if the arrays differ in length
   */
  public Curve {
    if (rates.length != losses.length || rates.length != smoothedLosses.length) {
      throw new IllegalArgumentException(
          "a curve needs as many rates as losses, not %d rates, %d losses and %d smoothed losses"
              .formatted(rates.length, losses.length, smoothedLosses.length));
    }
    rates = rates.clone();
    losses = losses.clone();
    smoothedLosses = smoothedLosses.clone();
  }

  /** {@return the number of points} */
  public int size() {
    return rates.length;
  }

  /** {@return learning rates, a copy} */
  @Override
  public double[] rates() {
    return rates.clone();
  }

  /** {@return losses, a copy} */
  @Override
  public double[] losses() {
    return losses.clone();
  }

  /** {@return running losses, a copy} */
  @Override
  public double[] smoothedLosses() {
    return smoothedLosses.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Curve curve
        && Arrays.equals(rates, curve.rates)
        && Arrays.equals(losses, curve.losses)
        && Arrays.equals(smoothedLosses, curve.smoothedLosses);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * Arrays.hashCode(rates) + Arrays.hashCode(losses))
        + Arrays.hashCode(smoothedLosses);
  }

  @Override
  public String toString() {
    return size() == 0
        ? "Curve[empty]"
        : "Curve[%d points, %s..%s]".formatted(size(), rates[0], rates[size() - 1]);
  }
}

package org.lrfinder.sweep;

import java.util.Arrays;
import java.util.Objects;

/**
 * What a sweep recorded, point by point: arrays of the same length, in the order of the steps.
 * Immutable: the arrays are copied on the way in and out.
 *
 * @param rates learning rates, before the groups' ratios, rising
 * @param losses losses before the update at each rate, averaged over the step's micro-batches
 * @param smoothedLosses running losses (see {@link LossTracker})
 * @param validationLosses losses on the validation batches after the update at each rate; empty if
 *     there were none
 */
public record Curve(
    double[] rates, double[] losses, double[] smoothedLosses, double[] validationLosses) {
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
    if (validationLosses.length != 0 && validationLosses.length != rates.length) {
      throw new IllegalArgumentException(
          "a curve needs as many rates as validation losses, or none of these, not %d rates and %d validation losses"
              .formatted(rates.length, validationLosses.length));
    }
    rates = rates.clone();
    losses = losses.clone();
    smoothedLosses = smoothedLosses.clone();
    validationLosses = validationLosses.clone();
  }

  /**
   * Creates a curve without validation losses.
   *
   * @throws IllegalArgumentException if the arrays differ in length
   */
  public Curve(double[] rates, double[] losses, double[] smoothedLosses) {
    this(rates, losses, smoothedLosses, new double[0]);
  }

  /** {@return the number of points} */
  public int size() {
    return rates.length;
  }

  /**
   * {@return a point's learning rate, before the groups' ratios}
   *
   * @param index which point, from 0
   * @throws IndexOutOfBoundsException if there is no such point
   */
  public double rate(int index) {
    return rates[index];
  }

  /**
   * {@return a point's loss before the update}
   *
   * @param index which point, from 0
   * @throws IndexOutOfBoundsException if there is no such point
   */
  public double loss(int index) {
    return losses[index];
  }

  /**
   * {@return a point's running loss}
   *
   * @param index which point, from 0
   * @throws IndexOutOfBoundsException if there is no such point
   */
  public double smoothedLoss(int index) {
    return smoothedLosses[index];
  }

  /**
   * Cuts out a part, such as the curve without its first ten points and its last five, to be looked
   * at or drawn without the ends ({@code skip_start} and {@code skip_end} of other finders):
   *
   * <pre>{@code
   * Curve curve = found.results();
   * Curve part = curve.part(10, curve.size() - 5);
   * LrPlot.of(part, found.settings(), EndReason.COMPLETED).save(Path.of("lr.png"));
   * }</pre>
   *
   * @param from the first point of the part, from 0
   * @param to the point after its last one, at most {@link #size}
   * @return the points from {@code from} to before {@code to}; none if they are equal
   * @throws IndexOutOfBoundsException if there are no such points
   */
  public Curve part(int from, int to) {
    Objects.checkFromToIndex(from, to, size());
    return new Curve(
        Arrays.copyOfRange(rates, from, to),
        Arrays.copyOfRange(losses, from, to),
        Arrays.copyOfRange(smoothedLosses, from, to),
        validationLosses.length == 0
            ? validationLosses
            : Arrays.copyOfRange(validationLosses, from, to));
  }

  @Override
  public double[] rates() {
    return rates.clone();
  }

  @Override
  public double[] losses() {
    return losses.clone();
  }

  @Override
  public double[] smoothedLosses() {
    return smoothedLosses.clone();
  }

  @Override
  public double[] validationLosses() {
    return validationLosses.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Curve curve
        && Arrays.equals(rates, curve.rates)
        && Arrays.equals(losses, curve.losses)
        && Arrays.equals(smoothedLosses, curve.smoothedLosses)
        && Arrays.equals(validationLosses, curve.validationLosses);
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(new double[][] {rates, losses, smoothedLosses, validationLosses});
  }

  @Override
  public String toString() {
    return size() == 0
        ? "Curve[empty]"
        : "Curve[%d points, %s..%s]".formatted(size(), rates[0], rates[size() - 1]);
  }
}

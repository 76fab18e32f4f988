package org.lrfinder.sweep;

import java.util.Arrays;
import java.util.List;

/**
 * Several curves over the same rates as one: point by point the median of their smoothed losses and
 * what lies around it. As long as the shortest of them.
 *
 * @param rates learning rates
 * @param low lower quartiles
 * @param median medians
 * @param high upper quartiles
 */
public record Band(double[] rates, double[] low, double[] median, double[] high) {
  /** Creates a band; the arrays are copied on the way in and out. */
  public Band {
    rates = rates.clone();
    low = low.clone();
    median = median.clone();
    high = high.clone();
  }

  /**
   * Makes the band of curves.
   *
   * @param curves at least one, all over the same rates as far as they go
   * @return their band
   */
  public static Band of(List<Curve> curves) {
    int size = curves.stream().mapToInt(Curve::size).min().orElseThrow();
    List<double[]> losses = curves.stream().map(Curve::smoothedLosses).toList();
    double[][] bounds = new double[3][size];
    for (int i = 0; i < size; i++) {
      int point = i;
      double[] sorted = losses.stream().mapToDouble(curve -> curve[point]).sorted().toArray();
      for (int quarter = 1; quarter <= 3; quarter++) {
        bounds[quarter - 1][i] = quantile(sorted, quarter / 4.0);
      }
    }
    return new Band(Arrays.copyOf(curves.get(0).rates(), size), bounds[0], bounds[1], bounds[2]);
  }

  /**
   * Computes a quantile, linear between values.
   *
   * @param sorted rising, at least one
   * @param share from 0 to 1
   * @return the quantile
   */
  public static double quantile(double[] sorted, double share) {
    double position = share * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }

  /** {@return learning rates, a copy} */
  @Override
  public double[] rates() {
    return rates.clone();
  }

  /** {@return lower quartiles, a copy} */
  @Override
  public double[] low() {
    return low.clone();
  }

  /** {@return medians, a copy} */
  @Override
  public double[] median() {
    return median.clone();
  }

  /** {@return upper quartiles, a copy} */
  @Override
  public double[] high() {
    return high.clone();
  }

  /** {@return the number of points} */
  public int size() {
    return rates.length;
  }
}

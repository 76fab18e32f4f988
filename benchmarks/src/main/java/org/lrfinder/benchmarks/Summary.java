package org.lrfinder.benchmarks;

import java.util.Arrays;

/** Order statistics of a sample; between two values, quartiles are interpolated linearly. */
public record Summary(
    double min, double lowerQuartile, double median, double upperQuartile, double max) {
  public static Summary of(double... sample) {
    if (sample.length == 0) {
      throw new IllegalArgumentException("an empty sample has no median");
    }
    double[] sorted = sample.clone();
    Arrays.sort(sorted);
    return new Summary(
        quantile(sorted, 0),
        quantile(sorted, 0.25),
        quantile(sorted, 0.5),
        quantile(sorted, 0.75),
        quantile(sorted, 1));
  }

  /**
   * Of the quotients of what was measured in the same round: a machine that slows down slows both.
   */
  public static Summary ofPairedRatios(double[] numerators, double[] denominators) {
    if (numerators.length != denominators.length) {
      throw new IllegalArgumentException(
          "%d and %d values make no pairs".formatted(numerators.length, denominators.length));
    }
    double[] ratios = new double[numerators.length];
    Arrays.setAll(ratios, i -> numerators[i] / denominators[i]);
    return of(ratios);
  }

  private static double quantile(double[] sorted, double fraction) {
    double position = fraction * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }
}

package org.lrfinder.suggestion;

import java.util.Arrays;

/** Medians of losses, whole and running. */
final class Medians {
  private Medians() {}

  static double of(double[] values) {
    return of(values, 0, values.length);
  }

  static double of(double[] values, int from, int to) {
    double[] sorted = Arrays.copyOfRange(values, from, to);
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private static double of(double a, double b, double c) {
    return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }

  /** Takes the median of each value and, as far as there are any, the two before it. */
  static double[] trailing(double[] values) {
    double[] medians = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      medians[i] = i < 2 ? of(values, 0, i + 1) : of(values[i - 2], values[i - 1], values[i]);
    }
    return medians;
  }

  /** Takes the median of each value and its two neighbours; the first and the last stay. */
  static double[] centred(double[] values) {
    double[] medians = values.clone();
    for (int i = 1; i + 1 < values.length; i++) {
      medians[i] = of(values[i - 1], values[i], values[i + 1]);
    }
    return medians;
  }
}

package org.lrfinder.suggestion;

/**
 * How far the losses of a curve scatter: standard deviations, from differences of neighbours, so
 * that a slope hardly counts. Noise grows with the rate wherever a network starts at its last
 * layer's zero; that of the first rates says nothing of it.
 */
final class Noise {
  private static final double OUTLIER = 6; // times the median difference
  private static final double MEAN_DIFFERENCE_TO_SIGMA = 0.886; // sqrt(pi) / 2, of normal noise
  private static final int WINDOW = 12; // differences
  private static final int LEAST_WINDOW = 5;
  private static final int DELAY = 3; // points: a rise is not to be taken for noise

  private Noise() {}

  /** Measures the noise among the points from one to another, the last excluded. */
  static double among(double[] losses, int from, int to) {
    double[] differences = new double[Math.max(to - from - 1, 0)];
    if (differences.length == 0) {
      return 0;
    }
    for (int i = 0; i < differences.length; i++) {
      differences[i] = Math.abs(losses[from + i + 1] - losses[from + i]);
    }
    double limit = OUTLIER * Medians.of(differences);
    Sum sum = new Sum();
    for (double difference : differences) {
      sum.add(Math.min(difference, limit));
    }
    return MEAN_DIFFERENCE_TO_SIGMA * sum.mean();
  }

  /** Measures the noise shortly before a point; 0 where too few points are. */
  static double before(double[] losses, int point) {
    int to = point - DELAY;
    int from = Math.max(0, to - WINDOW);
    return to - from < LEAST_WINDOW ? 0 : among(losses, from, to + 1);
  }
}

package org.lrfinder.benchmarks.quality;

import java.util.Arrays;

/**
 * How a rate changes over a training.
 *
 * @param shape of the change
 * @param lr the largest rate
 */
record Schedule(Shape shape, double lr) {
  private static final double WARM_UP = 0.1; // of the steps

  /** In the words of the report. */
  enum Shape {
    DECAY("falling linearly to zero"),
    CONSTANT("constant"),
    WARM_UP_AND_COSINE("risen over the first tenth, then falling by a cosine");

    private final String words;

    Shape(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  double[] rates(int steps) {
    double[] rates = new double[steps];
    Arrays.setAll(rates, step -> lr * share(step / (double) steps, steps));
    return rates;
  }

  private double share(double at, int steps) {
    return switch (shape) {
      case DECAY -> 1 - at;
      case CONSTANT -> 1;
      case WARM_UP_AND_COSINE ->
          at < WARM_UP
              ? (at + 1.0 / steps) / (WARM_UP + 1.0 / steps)
              : (1 + Math.cos(Math.PI * (at - WARM_UP) / (1 - WARM_UP))) / 2;
    };
  }
}

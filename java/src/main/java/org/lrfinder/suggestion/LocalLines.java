package org.lrfinder.suggestion;

import java.util.Arrays;

/**
 * Smooths by a line through each point's neighbours, with Gaussian weights: unlike an average it
 * does not lag on a slope, nor at the ends (W. S. Cleveland, <i>Robust Locally Weighted Regression
 * and Smoothing Scatterplots</i>, 1979, without the robust part).
 */
final class LocalLines {
  private static final double REACH = 8; // bandwidths; weights beyond are below 1e-13
  private static final double SAME = 1e-12; // distances that differ by rounding alone

  private LocalLines() {}

  /** Smooths y over the rising x, by weights of that standard deviation. */
  static double[] smooth(double[] x, double[] y, double bandwidth) {
    Sums[] sums = new Sums[x.length];
    Arrays.setAll(sums, i -> new Sums(y[i]));
    // On an even ladder weights depend on how many points apart two are: an exponential for each
    // distance, not for each pair.
    double[] distances = new double[x.length];
    Arrays.fill(distances, -1); // none yet
    double[] weights = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      for (int j = i + 1; j < x.length && x[j] - x[i] <= REACH * bandwidth; j++) {
        double distance = x[j] - x[i];
        int apart = j - i;
        if (Math.abs(distance - distances[apart]) > SAME) {
          double scaled = distance / bandwidth;
          distances[apart] = distance;
          weights[apart] = Math.exp(-scaled * scaled / 2);
        }
        double weight = weights[apart];
        sums[i].add(weight, distance, y[j]);
        sums[j].add(weight, -distance, y[i]);
      }
    }
    return Arrays.stream(sums).mapToDouble(Sums::value).toArray();
  }

  /** Weighted sums over a point and its neighbours, of which the line there is made. */
  private static final class Sums {
    private double weights = 1;
    private double first;
    private double second;
    private double values;
    private double products;

    Sums(double own) {
      values = own;
    }

    void add(double weight, double distance, double value) {
      double moment = weight * distance;
      weights += weight;
      first += moment;
      second += moment * distance;
      values += weight * value;
      products += moment * value;
    }

    double value() {
      double determinant = weights * second - first * first;
      return determinant > 0
          ? (second * values - first * products) / determinant
          : values / weights; // alone
    }
  }
}

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
    // Weighted sums over a point and its neighbours, of which the line there is made.
    double[] sumOfWeights = new double[x.length];
    double[] first = new double[x.length];
    double[] second = new double[x.length];
    double[] values = y.clone();
    double[] products = new double[x.length];
    Arrays.fill(sumOfWeights, 1);
    // On an even ladder weights depend on how many points apart two are: an exponential for each
    // distance, not for each pair.
    double[] distances = new double[x.length];
    Arrays.fill(distances, -1); // none yet
    double[] weights = new double[x.length];
    double[] smooth = new double[x.length];
    double reach = REACH * bandwidth;
    for (int i = 0; i < x.length; i++) {
      double ownX = x[i];
      double ownY = y[i];
      double w = sumOfWeights[i];
      double f = first[i];
      double s = second[i];
      double v = values[i];
      double p = products[i];
      for (int j = i + 1; j < x.length; j++) {
        double distance = x[j] - ownX;
        if (!(distance <= reach)) {
          break;
        }
        int apart = j - i;
        if (Math.abs(distance - distances[apart]) > SAME) {
          double scaled = distance / bandwidth;
          distances[apart] = distance;
          weights[apart] = Math.exp(-scaled * scaled / 2);
        }
        double weight = weights[apart];
        double moment = weight * distance;
        double square = moment * distance;
        w += weight;
        f += moment;
        s += square;
        v += weight * y[j];
        p += moment * y[j];
        // The same of the neighbour, from which the distance is the negative.
        sumOfWeights[j] += weight;
        first[j] -= moment;
        second[j] += square;
        values[j] += weight * ownY;
        products[j] -= moment * ownY;
      }
      double determinant = w * s - f * f;
      smooth[i] = determinant > 0 ? (s * v - f * p) / determinant : v / w; // alone
    }
    return smooth;
  }
}

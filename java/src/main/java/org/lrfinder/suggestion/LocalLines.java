package org.lrfinder.suggestion;

/**
 * Smooths by a line through each point's neighbours, with Gaussian weights: unlike an average it
 * does not lag on a slope, nor at the ends (W. S. Cleveland, <i>Robust Locally Weighted Regression
 * and Smoothing Scatterplots</i>, 1979, without the robust part).
 */
final class LocalLines {
  private static final double REACH = 8; // bandwidths; weights beyond are below 1e-13

  private LocalLines() {}

  /**
   * Smooths.
   *
   * @param x rising
   * @param y as many
   * @param bandwidth standard deviation of the weights
   * @return the smoothed y at each x
   */
  static double[] smooth(double[] x, double[] y, double bandwidth) {
    double[] smooth = new double[x.length];
    int from = 0;
    for (int i = 0; i < x.length; i++) {
      while (x[i] - x[from] > REACH * bandwidth) {
        from++;
      }
      double weights = 0;
      double first = 0;
      double second = 0;
      double values = 0;
      double products = 0;
      for (int j = from; j < x.length && x[j] - x[i] <= REACH * bandwidth; j++) {
        double distance = x[j] - x[i];
        double scaled = distance / bandwidth;
        double weight = Math.exp(-scaled * scaled / 2);
        weights += weight;
        first += weight * distance;
        second += weight * distance * distance;
        values += weight * y[j];
        products += weight * distance * y[j];
      }
      double determinant = weights * second - first * first;
      smooth[i] =
          determinant > 0
              ? (second * values - first * products) / determinant
              : values / weights; // alone
    }
    return smooth;
  }
}

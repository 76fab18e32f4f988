package org.lrfinder.suggestion;

/**
 * A line by least squares.
 *
 * @param slope its slope
 * @param slopeError standard deviation of the slope, for noise of 1
 */
record Line(double slope, double slopeError) {
  /** Fits the points from a place on. A slope of one point is 0, and sure of nothing. */
  static Line through(double[] x, double[] y, double from) {
    int first = x.length - 1;
    while (first > 0 && x[first - 1] >= from) {
      first--;
    }
    int count = x.length - first;
    double meanX = 0;
    double meanY = 0;
    for (int i = first; i < x.length; i++) {
      meanX += x[i] / count;
      meanY += y[i] / count;
    }
    double squares = 0;
    double products = 0;
    for (int i = first; i < x.length; i++) {
      squares += (x[i] - meanX) * (x[i] - meanX);
      products += (x[i] - meanX) * (y[i] - meanY);
    }
    return squares > 0
        ? new Line(products / squares, 1 / Math.sqrt(squares))
        : new Line(0, Double.POSITIVE_INFINITY);
  }
}

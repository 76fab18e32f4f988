package org.lrfinder.suggestion;

import java.util.Arrays;
import org.lrfinder.sweep.Curve;

/**
 * The finite points of a curve that a {@link Descent} looks at. Those that lie closer than
 * smoothing can tell apart are one, their mean, where there are many: a sweep of a million steps
 * has two thousand.
 *
 * @param pointsPerDecade of the finite points
 * @param logRates base-10 logarithms of the rates
 * @param losses above the first one: exact differences, from which a constant has dropped out
 * @param first the first loss
 */
record Points(double pointsPerDecade, double[] logRates, double[] losses, double first) {
  private static final double AS_GOOD_AS_INFINITE = 1e300; // beyond it sums overflow
  private static final double CELL = 1.0 / 256; // decades
  private static final int CELLS = 2048; // of an even ladder, at least

  static Points of(Curve curve) {
    double[] x = new double[curve.size()];
    double[] y = new double[curve.size()];
    double first = 0;
    int usable = 0;
    for (int i = 0; i < curve.size(); i++) {
      if (curve.rate(i) > 0 && Math.abs(curve.loss(i)) < AS_GOOD_AS_INFINITE) {
        first = usable == 0 ? curve.loss(i) : first;
        x[usable] = Math.log10(curve.rate(i));
        y[usable] = curve.loss(i) - first;
        usable++;
      }
    }
    if (usable < 2) {
      return new Points(0, new double[0], new double[0], 0);
    }
    x = Arrays.copyOf(x, usable);
    y = Arrays.copyOf(y, usable);
    double pointsPerDecade = 1 / medianStep(x);
    int cells = x.length <= CELLS ? x.length : merge(x, y);
    return new Points(pointsPerDecade, Arrays.copyOf(x, cells), Arrays.copyOf(y, cells), first);
  }

  /** Moves the means of neighbours to the front, and returns how many there are. */
  private static int merge(double[] x, double[] y) {
    double cell = Math.min(CELL, (x[x.length - 1] - x[0]) / CELLS);
    int cells = 0;
    for (int from = 0, to = 0; from < x.length; from = to) {
      double start = x[from];
      double sumX = 0;
      double sumY = 0;
      do {
        sumX += x[to] - start;
        sumY += y[to];
        to++;
      } while (to < x.length && x[to] - start < cell);
      x[cells] = start + sumX / (to - from);
      y[cells] = sumY / (to - from);
      cells++;
    }
    return cells;
  }

  private static double medianStep(double[] x) {
    double[] steps = new double[x.length - 1];
    for (int i = 0; i < steps.length; i++) {
      steps[i] = x[i + 1] - x[i];
    }
    return Medians.of(steps);
  }

  /** {@return these points with other losses, above the first one} */
  Points withLosses(double[] other) {
    return new Points(pointsPerDecade, logRates, other, first);
  }

  /** Counts the points in a decade that are left of those of the curve. */
  double density() {
    return 1 / medianStep(logRates);
  }

  /** Gives smoothed losses of the first points the rates and the unit of the curve. */
  Trend trend(double[] smoothed) {
    double[] rates = new double[smoothed.length];
    double[] trend = new double[smoothed.length];
    for (int i = 0; i < smoothed.length; i++) {
      rates[i] = Math.pow(10, logRates[i]);
      trend[i] = smoothed[i] + first;
    }
    return new Trend(rates, trend);
  }
}

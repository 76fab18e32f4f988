package org.lrfinder.suggestion;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/** The pick of {@link MiddleOfFall} on curves whose scatter is drawn anew. */
final class Resampling {
  private static final int DRAWS = 64;
  private static final long SEED = 1; // one curve has one interval
  private static final double NEAR = 0.3; // decades, from where scatter is drawn
  private static final double TAIL = 0.05;

  private static final double WIDEN = 1.5; // picks of other weights and batches scatter more

  private Resampling() {}

  /** {@return the interval of the pick; empty if the curve's fall is not clear} */
  static Optional<LrInterval> interval(Curve curve, SweepSettings settings) {
    return Descent.of(curve, settings)
        .filter(Descent::clear)
        .map(descent -> interval(Points.of(curve), descent, settings));
  }

  private static LrInterval interval(Points points, Descent descent, SweepSettings settings) {
    double[] x = points.logRates();
    double[] y = points.losses();
    double[] smooth = descent.trend().losses();
    int count = descent.diverged() ? smooth.length - 1 : smooth.length;
    double top = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      smooth[i] -= points.first();
      top = Math.max(top, smooth[i]);
    }
    double[] scatter = new double[count];
    for (int i = 0; i < count; i++) {
      scatter[i] = Math.min(y[i], top) - smooth[i];
    }
    int[] from = new int[count];
    int[] to = new int[count];
    for (int i = 0; i < count; i++) {
      from[i] = i == 0 ? 0 : from[i - 1];
      while (x[from[i]] < x[i] - NEAR) {
        from[i]++;
      }
      to[i] = i == 0 ? 0 : to[i - 1];
      while (to[i] < count && x[to[i]] <= x[i] + NEAR) {
        to[i]++;
      }
    }
    SplittableRandom random = new SplittableRandom(SEED);
    double[] drawn = y.clone();
    double[] picks = new double[DRAWS];
    for (int draw = 0; draw < DRAWS; draw++) {
      for (int i = 0; i < count; i++) {
        drawn[i] = smooth[i] + scatter[random.nextInt(from[i], to[i])];
      }
      picks[draw] = MiddleOfFall.logRate(Descent.of(points.withLosses(drawn), settings));
    }
    Arrays.sort(picks);
    double pick = MiddleOfFall.logRate(descent);
    double below = Math.max(pick - Band.quantile(picks, TAIL), 0);
    double above = Math.max(Band.quantile(picks, 1 - TAIL) - pick, 0);
    return new LrInterval(
        within(x, pick - WIDEN * below - LrInterval.MARGIN),
        within(x, pick + WIDEN * above + LrInterval.MARGIN));
  }

  /** The pick itself was moved to the nearest end of the curve too. */
  private static double within(double[] logRates, double logRate) {
    return Math.pow(10, Math.min(Math.max(logRate, logRates[0]), logRates[logRates.length - 1]));
  }
}

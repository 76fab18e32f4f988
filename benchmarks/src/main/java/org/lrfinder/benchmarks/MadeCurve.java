package org.lrfinder.benchmarks;

import java.util.Random;
import org.lrfinder.sweep.StepFunction;

/**
 * A curve made by a formula: from 2 the loss falls by 1 over two decades of the rate, steepest in
 * their middle, and then goes on level or rises steadily. Normal noise is added.
 *
 * @param middle of the fall, base-10 logarithm of the rate
 * @param risePerDecade behind the fall
 * @param noise its standard deviation
 */
record MadeCurve(double middle, double risePerDecade, double noise) {
  private static final double TOP = 2;
  private static final double HALF_WIDTH = 1; // decades

  /** No fall: noise around the top. */
  static MadeCurve flat(double noise) {
    return new MadeCurve(Double.POSITIVE_INFINITY, 0, noise);
  }

  double loss(double lr) {
    double distance = (Math.log10(lr) - middle) / HALF_WIDTH;
    double t = Math.min(Math.max((distance + 1) / 2, 0), 1);
    double rise = risePerDecade * Math.max(distance - 1, 0) * HALF_WIDTH;
    return TOP - t * t * (3 - 2 * t) + rise;
  }

  /** The loss of one step, counted from 0, is not a number; there is none such below 0. */
  StepFunction steps(Random random, int broken) {
    int[] count = {0};
    return StepFunction.of(
        lr -> count[0]++ == broken ? Double.NaN : loss(lr) + noise * random.nextGaussian());
  }

  StepFunction steps(Random random) {
    return steps(random, -1);
  }
}

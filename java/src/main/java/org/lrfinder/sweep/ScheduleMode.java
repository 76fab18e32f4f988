package org.lrfinder.sweep;

/**
 * How the learning rate moves between the two ends of a sweep. Rates are evenly spaced and both
 * ends are exact.
 */
public enum ScheduleMode {
  /** By equal factors: {@code min * (max / min)^(i / (n - 1))}. */
  EXPONENTIAL {
    @Override
    double rate(double min, double max, double fraction) {
      return min * Math.pow(max / min, fraction);
    }
  },
  /** By equal differences: {@code min + (max - min) * i / (n - 1)}. */
  LINEAR {
    @Override
    double rate(double min, double max, double fraction) {
      return min + (max - min) * fraction;
    }
  };

  abstract double rate(double min, double max, double fraction);

  /**
   * Computes the rate of a step.
   *
   * @param min rate of step 0, positive for {@link #EXPONENTIAL}
   * @param max rate of the last step, greater than {@code min}
   * @param steps number of steps, at least 2
   * @param step which step, from 0
   * @return its learning rate
   */
  public double rate(double min, double max, int steps, int step) {
    if (step == 0) {
      return min;
    }
    return step == steps - 1 ? max : rate(min, max, step / (steps - 1.0));
  }
}

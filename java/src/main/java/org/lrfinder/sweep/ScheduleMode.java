package org.lrfinder.sweep;

/**
 * How the learning rate moves between the two ends of a sweep. Rates are evenly spaced and both
 * ends are exact.
 */
public enum ScheduleMode {
  /** By equal factors: {@code min * (max / min)^(i / (n - 1))}. */
  EXPONENTIAL,
  /** By equal differences: {@code min + (max - min) * i / (n - 1)}. */
  LINEAR;

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
    if (step == steps - 1) {
      return max;
    }
    double fraction = step / (steps - 1.0);
    return switch (this) {
      case EXPONENTIAL -> min * Math.pow(max / min, fraction);
      case LINEAR -> min + (max - min) * fraction;
    };
  }
}

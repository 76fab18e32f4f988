package org.lrfinder.sweep;

/**
 * How the learning rate of a parameter group follows the swept one: {@code constant + ratio * ((lr
 * - origin) / scale)^exponent}.
 *
 * @param ratio 0 for a group that keeps its own rate
 * @param constant that rate; 0 for a group that is a multiple of the swept one
 * @param origin 0 but for a group with a range of its own in a linear sweep
 * @param scale 1 but for a group with a range of its own in an exponential sweep
 * @param exponent likewise
 */
public record GroupRate(
    double ratio, double constant, double origin, double scale, double exponent) {
  /**
   * A group that is swept.
   *
   * @param ratio its rate as a multiple of the swept one
   * @return its rate
   */
  public static GroupRate swept(double ratio) {
    return new GroupRate(ratio, 0, 0, 1, 1);
  }

  /**
   * A group that is not swept.
   *
   * @param rate its rate in every step
   * @return its rate
   */
  public static GroupRate kept(double rate) {
    return new GroupRate(0, rate, 0, 1, 1);
  }

  /**
   * A group with a start and an end of its own, between which it moves as the swept rate does: by
   * equal factors or by equal differences.
   *
   * @param range start and end
   * @param settings the sweep's
   * @return its rate
   * @throws IllegalArgumentException if the group's rate would not be finite
   */
  public static GroupRate within(GroupRange range, SweepSettings settings) {
    double steepness = (range.maxLr() - range.minLr()) / (settings.maxLr() - settings.minLr());
    if (Double.isInfinite(steepness)) {
      throw new IllegalArgumentException(
          "group %d cannot move from %s to %s while the swept rate moves from %s to %s: the rates would overflow"
              .formatted(
                  range.group(), range.minLr(), range.maxLr(), settings.minLr(), settings.maxLr()));
    }
    return switch (settings.mode()) {
      case EXPONENTIAL -> {
        double growth = Math.log(range.maxLr() / range.minLr());
        double sweptGrowth = Math.log(settings.maxLr() / settings.minLr());
        yield new GroupRate(range.minLr(), 0, 0, settings.minLr(), growth / sweptGrowth);
      }
      case LINEAR -> new GroupRate(steepness, range.minLr(), settings.minLr(), 1, 1);
    };
  }

  /**
   * Computes the group's rate.
   *
   * @param lr the swept rate
   * @return the group's
   */
  public double at(double lr) {
    double progress = (lr - origin) / scale;
    return constant + ratio * (exponent == 1 ? progress : Math.pow(progress, exponent));
  }
}

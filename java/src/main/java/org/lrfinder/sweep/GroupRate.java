package org.lrfinder.sweep;

/**
 * How the learning rate of a parameter group follows the swept one: {@code ratio} times it, plus
 * {@code constant}.
 *
 * @param ratio 0 for a group that keeps its own rate
 * @param constant that rate; 0 for a group that is swept
 */
public record GroupRate(double ratio, double constant) {
  /**
   * A group that is swept.
   *
   * @param ratio its rate as a multiple of the swept one
   * @return its rate
   */
  public static GroupRate swept(double ratio) {
    return new GroupRate(ratio, 0);
  }

  /**
   * A group that is not swept.
   *
   * @param rate its rate in every step
   * @return its rate
   */
  public static GroupRate kept(double rate) {
    return new GroupRate(0, rate);
  }

  /**
   * Computes the group's rate.
   *
   * @param lr the swept rate
   * @return the group's
   */
  public double at(double lr) {
    return lr * ratio + constant;
  }
}

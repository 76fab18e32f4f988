package org.lrfinder.plot;

import org.lrfinder.sweep.ScheduleMode;

/** The rates that a picture goes over, the last greater than the first. */
record RateRange(double low, double high, boolean logarithmic) {
  private static final double AROUND_ONE = 3; // a factor

  /** Goes from a curve's first rate to its last, with room around a single one. */
  static RateRange of(double first, double last, ScheduleMode mode) {
    boolean logarithmic = mode == ScheduleMode.EXPONENTIAL;
    if (last > first) {
      return new RateRange(first, last, logarithmic);
    }
    if (logarithmic) {
      return new RateRange(first / AROUND_ONE, first * AROUND_ONE, true);
    }
    double half = first > 0 ? first / 2 : 0.5;
    return new RateRange(first - half, first + half, false);
  }

  boolean contains(double rate) {
    return rate >= low && rate <= high;
  }

  /** Moves a rate outside to the nearest end. */
  double clamp(double rate) {
    return Math.min(Math.max(rate, low), high);
  }

  /** Tells how much of the way from the first rate to the last is behind: 0 to 1 within. */
  double share(double rate) {
    return logarithmic
        ? (Math.log(rate) - Math.log(low)) / (Math.log(high) - Math.log(low))
        : (rate - low) / (high - low);
  }

  /** Finds the rate where that much of the way is behind. */
  double rate(double share) {
    return logarithmic
        ? Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low)))
        : low + share * (high - low);
  }
}

package org.lrfinder.internal.loop;

import java.time.Duration;

/**
 * When a sweep has to end.
 *
 * @param start by {@link System#nanoTime}
 * @param nanos from then on; {@link Long#MAX_VALUE} for no end
 */
public record Deadline(long start, long nanos) {
  /** Counts from now on. */
  public static Deadline after(Duration duration) {
    return new Deadline(System.nanoTime(), toNanos(duration));
  }

  private static long toNanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE; // of 292 years
    }
  }

  boolean isOver() {
    return nanos != Long.MAX_VALUE && System.nanoTime() - start >= nanos;
  }
}

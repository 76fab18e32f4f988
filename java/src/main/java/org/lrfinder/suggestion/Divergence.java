package org.lrfinder.suggestion;

import org.jspecify.annotations.Nullable;

/**
 * Where the losses of a curve leave the level that they began at: the first point over a limit, of
 * three among five; the number of points if there is none. The limit is that level and the fall so
 * far, or ten times the noise, whichever is more.
 *
 * @param lows running medians of three of the losses
 * @param head number of points that are never over
 */
record Divergence(double[] losses, double[] lows, int head, double level, double headNoise) {
  private static final double SIGMAS = 10;
  private static final int WINDOW = 0b11111;
  private static final int POINTS = 3;

  /** Finds the first rise over the noise of the head, which may be no divergence. */
  int firstRise() {
    return rise(null);
  }

  /**
   * Finds the rise over the noise of its own time that does not come back, by the losses' local
   * means, none of which outliers dominate.
   */
  int lasting(double[] means) {
    return rise(means);
  }

  /**
   * Finds a rise, and with means goes on where it comes back: at a point before the number of
   * points.
   *
   * @param means null for the first rise over the noise of the head
   */
  private int rise(double @Nullable [] means) {
    double low = Double.POSITIVE_INFINITY;
    int recent = 0; // a bit for each of the last points, the newest lowest
    for (int i = 0; i < losses.length; i++) {
      low = Math.min(low, lows[i]);
      recent = (recent << 1 | (isOver(i, low, means != null) ? 1 : 0)) & WINDOW;
      if (Integer.bitCount(recent) >= POINTS) {
        int first = i - (Integer.SIZE - 1 - Integer.numberOfLeadingZeros(recent));
        int next = means == null ? losses.length : comesBack(first, i, means);
        if (next == losses.length) {
          return first;
        }
        for (; i < next; i++) {
          low = Math.min(low, lows[i + 1]);
        }
        recent = 0;
      }
    }
    return losses.length;
  }

  private boolean isOver(int i, double low, boolean ofItsTime) {
    return i >= head
        && losses[i] > level + Math.max(level - low, SIGMAS * headNoise)
        && losses[i] > level + SIGMAS * (ofItsTime ? Noise.before(losses, i) : 0);
  }

  /**
   * Finds where the loss is below its level again after a rise that the noise of that time
   * explains; the number of points if nowhere. A rise beyond that noise was a divergence, even if
   * what is left of the network is back at the level.
   */
  private int comesBack(int from, int seen, double[] means) {
    double top = 0;
    for (int i = from; i < losses.length; i++) {
      top = Math.max(top, lows[i] - level);
      if (i > seen && means[i] < level && top <= Noise.before(losses, i)) {
        return i;
      }
    }
    return losses.length;
  }
}

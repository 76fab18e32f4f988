package org.lrfinder.suggestion;

/**
 * Where the losses of a curve leave the level that they began at: the first point over a limit, of
 * three among five. The limit is that level and the fall so far, or ten times the noise, whichever
 * is more.
 */
record Divergence(double[] losses, int head, double level, double headNoise) {
  private static final double SIGMAS = 10;
  private static final int WINDOW = 0b11111;
  private static final int POINTS = 3;

  /**
   * Finds the first rise over the noise of the head, which may be no divergence.
   *
   * @return its first point; the number of points if there is none
   */
  int firstRise() {
    double[] lows = Medians.trailing(losses);
    double low = Double.POSITIVE_INFINITY;
    int recent = 0;
    for (int i = 0; i < losses.length; i++) {
      low = Math.min(low, lows[i]);
      recent = next(recent, i, low, headNoise);
      if (Integer.bitCount(recent) >= POINTS) {
        return first(recent, i);
      }
    }
    return losses.length;
  }

  /**
   * Finds the rise over the noise of its own time that does not come back.
   *
   * @param means the losses' local means, none of which outliers dominate
   * @return its first point; the number of points if there is none
   */
  int lasting(double[] means) {
    double[] lows = Medians.trailing(losses);
    double low = Double.POSITIVE_INFINITY;
    int recent = 0; // a bit for each of the last points, the newest lowest
    for (int i = 0; i < losses.length; i++) {
      low = Math.min(low, lows[i]);
      recent = next(recent, i, low, Math.max(headNoise, Noise.before(losses, i)));
      if (Integer.bitCount(recent) >= POINTS) {
        int back = comesBack(first(recent, i), i, lows, means);
        if (back == losses.length) {
          return first(recent, i);
        }
        for (; i < back; i++) {
          low = Math.min(low, lows[i + 1]);
        }
        recent = 0;
      }
    }
    return losses.length;
  }

  private int next(int recent, int i, double low, double noise) {
    double limit = level + Math.max(level - low, SIGMAS * noise);
    return (recent << 1 | (i >= head && losses[i] > limit ? 1 : 0)) & WINDOW;
  }

  private static int first(int recent, int i) {
    return i - (Integer.SIZE - 1 - Integer.numberOfLeadingZeros(recent));
  }

  /**
   * Where the loss is below its level again after a rise that the noise of that time explains; the
   * number of points if nowhere. A rise beyond that noise was a divergence, even if what is left of
   * the network is back at the level.
   */
  private int comesBack(int from, int seen, double[] lows, double[] means) {
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

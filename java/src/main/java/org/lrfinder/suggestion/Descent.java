package org.lrfinder.suggestion;

import java.util.Arrays;
import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * How the loss of a curve comes down: where its fall begins, where it ends, and whether there is
 * one to be told from noise. It sees rates and raw losses only, and uses nothing but differences of
 * losses, so that neither a scale nor a constant moves anything. Points that are not finite are
 * missing points; of thousands, those within a fiftieth of a bandwidth are one, their mean. All
 * rates are base-10 logarithms.
 *
 * <p>In order: the <i>head</i>, the first two decades (at most a quarter of the planned range),
 * gives the level before the fall and a noise. The loss has <i>diverged</i> where three of five
 * points lie above that level by more than the fall so far, and by more than ten times the noise of
 * the head and of the points shortly before, unless it comes back below the level without having
 * risen beyond the noise; what follows is not looked at. The rest, medians of three, is smoothed by
 * local lines with Gaussian weights in the logarithm of the rate, which do not lag on a slope. The
 * fall goes from the level to the smoothed minimum.
 *
 * <p>It is <i>flat</i> if it is at most six times what smoothing leaves of the head's noise. It is
 * <i>doubtful</i> if it is more, but at most twice what smoothing leaves of the noise where the
 * loss is lowest, or six times if that is more than one and a half decades below the end, where a
 * dip is most likely chance; or if the means of the losses do not fall by half as much as their
 * medians, as where a few large losses hide among many small ones.
 *
 * @param trend the smoothed losses, up to where the loss diverged
 * @param half where the last half of the fall begins: the smoothed loss crosses it for the last
 *     time before the minimum
 * @param fourFifths where four fifths of the fall are behind
 * @param lowest where the smoothed loss is lowest
 * @param end where the loss diverged, else the last rate
 * @param firstRise where the loss first rose over the noise of the head, else the last rate; what
 *     follows may show that it did not diverge there
 * @param pointsPerDecade of the rate
 * @param diverged whether the loss diverged
 * @param flat whether the fall cannot be told from the noise of the head
 * @param doubtful whether it can, but not from the noise where it was found
 * @param stillFalling whether the minimum is at the last rates, nothing diverged, and half of the
 *     fall lies in the last decade, or the loss falls there by more than its noise
 * @param risesAtOnce whether the curve ends, or diverges, no later than right behind the head, or
 *     no later loss comes down to the first two again
 * @param risesAtEnd whether the loss diverged, or its last point lies above those before by more
 *     than their noise
 */
public record Descent(
    Trend trend,
    double half,
    double fourFifths,
    double lowest,
    double end,
    double firstRise,
    double pointsPerDecade,
    boolean diverged,
    boolean flat,
    boolean doubtful,
    boolean stillFalling,
    boolean risesAtOnce,
    boolean risesAtEnd) {
  /** A curve of fewer finite points tells nothing. */
  public static final int LEAST_POINTS = 8;

  private static final double HEAD_DECADES = 2;
  private static final double HEAD_SHARE = 0.25;
  private static final int HEAD_LEAST_POINTS = 5;
  private static final double HEAD_ROUNDING = 1e-9; // decades: a point on its end belongs to it
  private static final int FIRST = 2; // points
  private static final double LEAST_FALL_SIGMAS = 3;
  private static final double BANDWIDTH = 0.2; // decades
  private static final double MEAN_CAP = 2; // falls above the level
  private static final double MEAN_CAP_SIGMAS = 10;
  private static final double MEAN_SHARE = 0.5; // of the medians' fall
  private static final double FLAT_SIGMAS = 6;
  private static final double FLAT_SIGMAS_NEAR_END = 2; // of the noise at the minimum
  private static final double NEAR_END = 1.5; // decades
  private static final double NOISE_DECADES = 0.6; // below the minimum
  private static final int NOISE_LEAST_POINTS = 5;
  private static final double LEFT_BY_MEDIAN = 0.75; // of the noise, after a median of three
  private static final double EDGE = 1.3; // times as much, where a line has neighbours on one side
  private static final double JUST_FALLEN = 1; // decades
  private static final double FALLS_SIGMAS = 2.5; // over the last decade
  private static final double LEAST_SLOPE = 0.02; // of the fall, a decade: less is a level
  private static final double LAST_DECADES = 0.5;
  private static final double RISES_SIGMAS = 5;
  private static final int RISES_POINTS = 6; // before the last one

  /**
   * Follows a curve.
   *
   * @param curve what a sweep recorded
   * @param settings what the sweep was to do
   * @return how its loss comes down; empty if it has fewer than {@link #LEAST_POINTS} finite losses
   *     at positive rates
   */
  public static Optional<Descent> of(Curve curve, SweepSettings settings) {
    Points points = Points.of(curve);
    return points.logRates().length < LEAST_POINTS
        ? Optional.empty()
        : Optional.of(of(points, settings));
  }

  /** {@return whether there is a fall to be told from noise} */
  public boolean clear() {
    return !flat && !doubtful;
  }

  /** {@return whether nothing diverged and the minimum lies within the last half decade} */
  public boolean lowestAtEnd() {
    return !diverged && end - lowest <= LAST_DECADES;
  }

  private static double headDecades(SweepSettings settings) {
    double range = Math.log10(settings.maxLr() / settings.minLr());
    return Math.min(HEAD_DECADES, HEAD_SHARE * range);
  }

  private static int headPoints(double[] x, double decades) {
    int head = HEAD_LEAST_POINTS;
    while (head < x.length && x[head] <= x[0] + decades + HEAD_ROUNDING) {
      head++;
    }
    return head;
  }

  static Descent of(Points points, SweepSettings settings) {
    double[] x = points.logRates();
    double[] y = points.losses();
    int head = headPoints(x, headDecades(settings));
    double level = Medians.of(y, 0, head);
    double headNoise = Noise.among(y, 0, head);
    double[] lows = Medians.trailing(y);
    double[] means = means(x, y, lows, level, headNoise);
    Divergence divergence = new Divergence(y, lows, head, level, headNoise);
    int cut = divergence.lasting(means);
    int rise = divergence.firstRise();
    boolean diverged = cut < x.length;
    int kept = diverged ? cut + 1 : x.length;

    double lowestSoFar = least(lows, cut);
    double ceiling = level + Math.max(level - lowestSoFar, LEAST_FALL_SIGMAS * headNoise);
    double[] z = capped(Medians.centred(Arrays.copyOf(y, kept)), ceiling);
    double[] smooth = LocalLines.smooth(Arrays.copyOf(x, kept), z, BANDWIDTH);
    int lowest = lowest(smooth, cut);
    Sum ofHead = new Sum();
    for (int i = 0; i < Math.min(head, kept); i++) {
      ofHead.add(z[i]);
    }
    double top = ofHead.mean();
    double fall = top - smooth[lowest];
    // Where the loss rises at once, the head's level is above a minimum that nothing fell to.
    double highest = smooth[0];
    for (int i = 1; i <= lowest; i++) {
      highest = Math.max(highest, smooth[i]);
    }
    double before = highest - smooth[lowest];
    double end = x[kept - 1];
    double left = LEFT_BY_MEDIAN / Math.sqrt(2 * Math.sqrt(Math.PI) * BANDWIDTH * points.density());
    double noiseThere = noiseBefore(x, y, lowest, Math.min(lowest + 2, cut));
    boolean atEnd = !diverged && end - x[lowest] <= BANDWIDTH;
    boolean falls = atEnd && falls(x, z, noiseThere, fall);
    if (atEnd && !falls) {
      left *= EDGE;
    }
    double sigmasThere = end - x[lowest] <= NEAR_END ? FLAT_SIGMAS_NEAR_END : FLAT_SIGMAS;
    double told = Math.min(fall, before);
    boolean flat = told <= left * FLAT_SIGMAS * headNoise;
    boolean doubtful =
        !flat
            && (told <= left * sigmasThere * noiseThere || top - means[lowest] < MEAN_SHARE * fall);
    double half = lastCrossing(x, smooth, lowest, top - 0.5 * fall);
    return new Descent(
        points.trend(smooth),
        half,
        lastCrossing(x, smooth, lowest, top - 0.8 * fall),
        x[lowest],
        end,
        x[Math.min(rise, x.length - 1)],
        points.pointsPerDecade(),
        diverged,
        flat,
        doubtful,
        atEnd && (falls || end - half <= JUST_FALLEN),
        cut <= head || staysAboveFirst(y, lows),
        diverged || rises(y));
  }

  /** Smooths by local means: one large loss among many small counts, but does not drown them. */
  private static double[] means(
      double[] x, double[] y, double[] lows, double level, double headNoise) {
    double fall = level - least(lows, lows.length);
    double cap = level + MEAN_CAP * Math.max(fall, MEAN_CAP_SIGMAS * headNoise);
    return LocalLines.smooth(x, capped(y, cap), BANDWIDTH);
  }

  private static double[] capped(double[] losses, double cap) {
    double[] capped = new double[losses.length];
    for (int i = 0; i < losses.length; i++) {
      capped[i] = Math.min(losses[i], cap);
    }
    return capped;
  }

  /** Finds the lowest of the values up to one, the first of equals. */
  static int lowest(double[] values, int to) {
    int lowest = 0;
    for (int i = 1; i < to; i++) {
      lowest = values[i] < values[lowest] ? i : lowest;
    }
    return lowest;
  }

  private static double least(double[] values, int to) {
    double least = values[0];
    for (int i = 1; i < to; i++) {
      least = Math.min(least, values[i]);
    }
    return least;
  }

  private static boolean staysAboveFirst(double[] y, double[] lows) {
    double first = Math.max(y[0], y[FIRST - 1]);
    for (int i = FIRST + 2; i < lows.length; i++) {
      if (!(lows[i] > first)) {
        return false;
      }
    }
    return true;
  }

  private static double noiseBefore(double[] x, double[] y, int lowest, int to) {
    int from = lowest;
    while (from > 0
        && (x[lowest] - x[from - 1] <= NOISE_DECADES || lowest - from < NOISE_LEAST_POINTS)) {
      from--;
    }
    return Noise.among(y, from, to);
  }

  /** Tells whether the last half decade falls, and the last decade by more than its noise. */
  private static boolean falls(double[] x, double[] z, double noise, double fall) {
    double end = x[x.length - 1];
    return falls(Line.through(x, z, end - LAST_DECADES), noise, fall)
        && falls(Line.through(x, z, end - 1), FALLS_SIGMAS * noise, fall);
  }

  private static boolean falls(Line line, double noise, double fall) {
    return line.slope() < -Math.max(noise * line.slopeError(), LEAST_SLOPE * fall);
  }

  private static boolean rises(double[] y) {
    int last = y.length - 1;
    double base = Medians.of(y, Math.max(0, last - RISES_POINTS), last);
    return y[last] - base > RISES_SIGMAS * Noise.among(y, 0, last);
  }

  /** Finds where the loss comes down to the target last; the first rate if it never does. */
  private static double lastCrossing(double[] x, double[] losses, int lowest, double target) {
    for (int i = lowest; i > 0; i--) {
      if (losses[i - 1] > target && losses[i] <= target) {
        double share = (losses[i - 1] - target) / (losses[i - 1] - losses[i]);
        return x[i - 1] + share * (x[i] - x[i - 1]);
      }
    }
    return x[0];
  }
}

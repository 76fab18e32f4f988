package org.lrfinder.suggestion;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * How the loss of a curve comes down: where its fall begins, where it ends, and whether there is
 * one to be told from noise. It sees rates and raw losses only, and uses nothing but differences of
 * losses, so that neither a scale nor a constant moves anything. Points that are not finite are
 * missing points. All rates are base-10 logarithms.
 *
 * <p>In order: the <i>head</i>, the first two decades (at most a quarter of the planned range),
 * gives the level before the fall and the noise. The loss has <i>diverged</i> where three of five
 * points lie above that level by more than the fall so far, and by more than ten times the noise;
 * what follows is not looked at. The rest, medians of three, is smoothed by local lines with
 * Gaussian weights in the logarithm of the rate, which do not lag on a slope. The fall goes from
 * the level to the smoothed minimum; <i>flat</i> is one of at most six times the noise that is left
 * after smoothing.
 *
 * @param trend the smoothed losses, up to where the loss diverged
 * @param half where the last half of the fall begins: the smoothed loss crosses it for the last
 *     time before the minimum
 * @param fourFifths where four fifths of the fall are behind
 * @param lowest where the smoothed loss is lowest
 * @param end where the loss diverged, else the last rate
 * @param pointsPerDecade of the rate
 * @param diverged whether the loss diverged
 * @param flat whether the fall cannot be told from noise
 * @param stillFalling whether the minimum is one of the last two points, and nothing diverged
 * @param endsInHead whether the curve ends, or diverges, no later than right behind the head
 */
public record Descent(
    Trend trend,
    double half,
    double fourFifths,
    double lowest,
    double end,
    double pointsPerDecade,
    boolean diverged,
    boolean flat,
    boolean stillFalling,
    boolean endsInHead) {
  /** A curve of fewer finite points tells nothing. */
  public static final int LEAST_POINTS = 8;

  private static final double HEAD_DECADES = 2;
  private static final double HEAD_SHARE = 0.25;
  private static final int HEAD_LEAST_POINTS = 5;
  private static final double HEAD_ROUNDING = 1e-9; // decades: a point on its end belongs to it
  private static final double OUTLIER = 6; // times the median difference
  private static final double MEAN_DIFFERENCE_TO_SIGMA = 0.886; // sqrt(pi) / 2, of normal noise
  private static final double DIVERGENCE_SIGMAS = 10;
  private static final int DIVERGENCE_WINDOW = 0b11111;
  private static final int DIVERGENCE_POINTS = 3;
  private static final double LEAST_FALL_SIGMAS = 3;
  private static final double BANDWIDTH = 0.2; // decades
  private static final double FLAT_SIGMAS = 6;
  private static final double LEFT_BY_MEDIAN = 0.75; // of the noise, after a median of three
  private static final double AS_GOOD_AS_INFINITE = 1e300; // beyond it sums overflow

  /**
   * Follows a curve.
   *
   * @param curve what a sweep recorded
   * @param settings what the sweep was to do
   * @return how its loss comes down; empty if it has fewer than {@link #LEAST_POINTS} finite losses
   *     at positive rates
   */
  public static Optional<Descent> of(Curve curve, SweepSettings settings) {
    double[] rates = curve.rates();
    double[] losses = curve.losses();
    int[] usable =
        IntStream.range(0, rates.length)
            .filter(i -> rates[i] > 0 && Math.abs(losses[i]) < AS_GOOD_AS_INFINITE)
            .toArray();
    if (usable.length < LEAST_POINTS) {
      return Optional.empty();
    }
    double first = losses[usable[0]]; // exact differences: a constant drops out here
    double[] x = IntStream.of(usable).mapToDouble(i -> Math.log10(rates[i])).toArray();
    double[] y = IntStream.of(usable).mapToDouble(i -> losses[i] - first).toArray();
    return Optional.of(of(x, y, headDecades(settings), first));
  }

  private static double headDecades(SweepSettings settings) {
    double range = Math.log10(settings.maxLr() / settings.minLr());
    return Math.min(HEAD_DECADES, HEAD_SHARE * range);
  }

  private static Descent of(double[] allX, double[] allY, double headDecades, double constant) {
    int head = HEAD_LEAST_POINTS;
    while (head < allX.length && allX[head] <= allX[0] + headDecades + HEAD_ROUNDING) {
      head++;
    }
    double level = Medians.of(allY, 0, head);
    double sigma = noise(allY, head);
    double[] trailing = Medians.trailing(allY);
    int cut = divergence(allY, trailing, head, level, sigma);
    boolean diverged = cut < allX.length;
    int kept = diverged ? cut + 1 : allX.length;
    double[] x = Arrays.copyOf(allX, kept);
    double lowestSoFar = Arrays.stream(trailing, 0, cut).min().orElseThrow();
    double ceiling = level + Math.max(level - lowestSoFar, LEAST_FALL_SIGMAS * sigma);
    double[] z =
        Arrays.stream(Medians.centred(Arrays.copyOf(allY, kept)))
            .map(loss -> Math.min(loss, ceiling))
            .toArray();
    double pointsPerDecade = 1 / Medians.of(steps(allX));
    double[] smooth = LocalLines.smooth(x, z, BANDWIDTH);
    int lowest = 0;
    for (int i = 1; i < cut; i++) {
      if (smooth[i] < smooth[lowest]) {
        lowest = i;
      }
    }
    double top = Arrays.stream(z, 0, Math.min(head, kept)).average().orElseThrow();
    double fall = top - smooth[lowest];
    // Where the loss rises at once, the head's level is above a minimum that nothing fell to.
    double before = Arrays.stream(smooth, 0, lowest + 1).max().orElseThrow() - smooth[lowest];
    double left =
        LEFT_BY_MEDIAN * sigma / Math.sqrt(2 * Math.sqrt(Math.PI) * BANDWIDTH * pointsPerDecade);
    return new Descent(
        new Trend(
            Arrays.stream(x).map(lr -> Math.pow(10, lr)).toArray(),
            Arrays.stream(smooth).map(loss -> loss + constant).toArray()),
        lastCrossing(x, smooth, lowest, top - 0.5 * fall),
        lastCrossing(x, smooth, lowest, top - 0.8 * fall),
        x[lowest],
        x[kept - 1],
        pointsPerDecade,
        diverged,
        Math.min(fall, before) <= FLAT_SIGMAS * left,
        !diverged && lowest >= kept - 2,
        cut <= head);
  }

  /** Standard deviation of the noise, from differences of neighbours. */
  private static double noise(double[] losses, int head) {
    double[] differences = new double[head - 1];
    Arrays.setAll(differences, i -> Math.abs(losses[i + 1] - losses[i]));
    double limit = OUTLIER * Medians.of(differences);
    return MEAN_DIFFERENCE_TO_SIGMA
        * Arrays.stream(differences).map(d -> Math.min(d, limit)).average().orElseThrow();
  }

  /** The first point over the limit, of three among five; the number of points if there is none. */
  private static int divergence(
      double[] losses, double[] trailing, int head, double level, double sigma) {
    double low = Double.POSITIVE_INFINITY;
    int recent = 0; // a bit for each of the last points, the newest lowest
    for (int i = 0; i < losses.length; i++) {
      low = Math.min(low, trailing[i]);
      double limit = level + Math.max(level - low, DIVERGENCE_SIGMAS * sigma);
      recent = (recent << 1 | (i >= head && losses[i] > limit ? 1 : 0)) & DIVERGENCE_WINDOW;
      if (Integer.bitCount(recent) >= DIVERGENCE_POINTS) {
        return i - (Integer.SIZE - 1 - Integer.numberOfLeadingZeros(recent));
      }
    }
    return losses.length;
  }

  private static double[] steps(double[] x) {
    double[] steps = new double[x.length - 1];
    Arrays.setAll(steps, i -> x[i + 1] - x[i]);
    return steps;
  }

  /** Where the loss comes down to the target for the last time; the first rate if it never does. */
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

package org.lrfinder.sweep;

/**
 * The running loss of a sweep and its early stop, in double precision: the same rules as the native
 * core's class of this name.
 *
 * <p>The running loss is Lightning 0.8.1's: {@code avg = beta avg + (1 - beta) loss}, divided by
 * {@code 1 - beta^(i + 1)}. While it settles, in the first tenth of the planned steps and at least
 * in five, the best is started anew at every step and nothing is tested: Lightning tests from the
 * second step on, and one lucky first loss then ends a sweep of small batches. Afterwards it has
 * diverged when it exceeds the best by {@code (threshold - 1)} times that best. Once a loss was not
 * positive, the fall from the first running loss or the spread of the losses while it settled,
 * whichever is larger, stands in for the best.
 *
 * <p>Not thread-safe.
 */
public final class LossTracker implements RunningLoss {
  private static final int LEAST_SETTLING = 5;
  private static final int SETTLING_SHARE = 10;

  private final double beta;
  private final double threshold;
  private final int settling; // steps
  private int count;
  private double last;
  private double average;
  private double smoothed;
  private double firstSmoothed;
  private double best;
  private double earlyLow = Double.POSITIVE_INFINITY;
  private double earlyHigh = Double.NEGATIVE_INFINITY;
  private boolean allPositive = true;

  /**
   * Creates a tracker that has seen nothing.
   *
   * @param beta weight of the past, in [0, 1)
   * @param threshold early stop, greater than 1; infinity never stops
   * @param steps how many are planned
   */
  public LossTracker(double beta, double threshold, int steps) {
    this.beta = beta;
    this.threshold = threshold;
    this.settling =
        Math.max(LEAST_SETTLING, steps / SETTLING_SHARE + (steps % SETTLING_SHARE == 0 ? 0 : 1));
  }

  /**
   * Creates the tracker of a sweep.
   *
   * @param settings its beta, its threshold and its number of steps
   * @return a tracker that has seen nothing
   */
  public static LossTracker of(SweepSettings settings) {
    return new LossTracker(
        settings.smoothingBeta(), settings.earlyStopThreshold(), settings.steps());
  }

  /**
   * Records a loss.
   *
   * @param loss a finite loss
   * @return whether the running loss has diverged; the best is not updated then
   */
  public boolean add(double loss) {
    last = loss;
    average = beta * average + (1 - beta) * loss;
    smoothed = average / (1 - Math.pow(beta, count + 1));
    allPositive &= loss > 0;
    if (count == 0) {
      firstSmoothed = smoothed;
    }
    boolean settles = count < settling;
    if (settles) {
      earlyLow = Math.min(earlyLow, loss);
      earlyHigh = Math.max(earlyHigh, loss);
    }
    boolean diverged = !settles && diverged();
    if (!diverged) {
      best = settles ? smoothed : Math.min(best, smoothed);
    }
    count++;
    return diverged;
  }

  private boolean diverged() {
    if (Double.isInfinite(threshold)) {
      return false;
    }
    double scale =
        allPositive ? Math.abs(best) : Math.max(firstSmoothed - best, earlyHigh - earlyLow);
    return smoothed > best + (threshold - 1) * scale;
  }

  @Override
  public double last() {
    return last;
  }

  @Override
  public double smoothed() {
    return smoothed;
  }

  @Override
  public double best() {
    return best;
  }
}

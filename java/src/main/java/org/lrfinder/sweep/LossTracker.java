package org.lrfinder.sweep;

/**
 * The running loss of a sweep and its early stop, in double precision: the same rules as the native
 * core's class of this name.
 *
 * <p>The running loss is Lightning 0.8.1's: {@code avg = beta avg + (1 - beta) loss}, divided by
 * {@code 1 - beta^(i + 1)}. It has diverged when it exceeds the best so far by {@code (threshold -
 * 1)} times that best. Once a loss was not positive, the fall from the first running loss or the
 * spread of the first five losses, whichever is larger, stands in for the best, and nothing is
 * tested before the sixth loss.
 *
 * <p>Not thread-safe.
 */
public final class LossTracker {
  private static final int EARLY = 5;

  private final double beta;
  private final double threshold;
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
   */
  public LossTracker(double beta, double threshold) {
    this.beta = beta;
    this.threshold = threshold;
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
    if (count < EARLY) {
      earlyLow = Math.min(earlyLow, loss);
      earlyHigh = Math.max(earlyHigh, loss);
    }
    if (count == 0) {
      firstSmoothed = smoothed;
      best = smoothed;
    }
    boolean diverged = diverged();
    if (!diverged) {
      best = Math.min(best, smoothed);
    }
    count++;
    return diverged;
  }

  private boolean diverged() {
    if (count == 0 || Double.isInfinite(threshold) || (!allPositive && count < EARLY)) {
      return false;
    }
    double scale =
        allPositive ? Math.abs(best) : Math.max(firstSmoothed - best, earlyHigh - earlyLow);
    return smoothed > best + (threshold - 1) * scale;
  }

  /** {@return the last loss recorded} */
  public double last() {
    return last;
  }

  /** {@return the running loss after the last one recorded} */
  public double smoothed() {
    return smoothed;
  }

  /** {@return the lowest running loss before one that diverged} */
  public double best() {
    return best;
  }
}

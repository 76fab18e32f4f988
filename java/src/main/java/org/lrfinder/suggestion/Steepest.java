package org.lrfinder.suggestion;

import java.util.Objects;
import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * Lightning's rule: the point where the smoothed loss falls most, by central differences (one-sided
 * at both ends), the first of equals. The first {@code skipBegin} and last {@code skipEnd} points
 * are left out, and points that are not finite.
 *
 * <p>Sources: {@code pytorch_lightning/trainer/lr_finder.py}, {@code _LRFinder.suggestion}, release
 * 0.8.1, for {@link Spacing#STEP}; two of its defects are not kept: points that are not finite do
 * not shift the pick, and {@code skipEnd} 0 means the whole rest of the curve. With {@code skipEnd}
 * 5 it is torch-lr-finder 0.2.2's rule. {@link Spacing#LOG_RATE} is the correction that Lightning's
 * pull request 21171 proposes.
 *
 * <p>Its limits: the running average lags, so that the pick moves with the number of steps (by 1.2
 * decades from 100 to 800); it prefers the steepest point to a good one; noise has steep points.
 *
 * <p>Invariance, as found: scaling the losses does not move the pick. Adding a constant does not
 * either on one and the same curve; but a sweep of the shifted loss stops elsewhere, since the stop
 * is a ratio to the best loss. One spike moves it by decades.
 *
 * @param skipBegin points left out at the start, at least 0
 * @param skipEnd points left out at the end, at least 0
 * @param spacing what the differences are taken over
 */
public record Steepest(int skipBegin, int skipEnd, Spacing spacing) implements SuggestionRule {
  /** What a loss's differences are taken over. */
  public enum Spacing {
    /** The step: Lightning up to 2.5.2, where the pick is best compared with 0.8.1. */
    STEP("steepest"),
    /** The logarithm of the rate: equal to {@link #STEP} where rates are evenly spaced in it. */
    LOG_RATE("steepest-log"),
    /**
     * The rate itself: Lightning since 2.5.3, to compare with it. It favours the smallest rates,
     * whose distances are the smallest (issue 21141), and {@link SuggestionRules} leaves it out.
     */
    RATE("steepest-rate");

    private final String ruleName;

    Spacing(String ruleName) {
      this.ruleName = ruleName;
    }

    private double position(int step, double rate) {
      return switch (this) {
        case STEP -> step;
        case LOG_RATE -> Math.log10(rate);
        case RATE -> rate;
      };
    }
  }

  /** Creates the rule with Lightning's window: 10 points left out at the start, 1 at the end. */
  public Steepest() {
    this(10, 1);
  }

  /**
   * Creates the rule over steps.
   *
   * @param skipBegin points left out at the start, at least 0
   * @param skipEnd points left out at the end, at least 0
   * @throws IllegalArgumentException if a count is negative
   */
  public Steepest(int skipBegin, int skipEnd) {
    this(skipBegin, skipEnd, Spacing.STEP);
  }

  /**
   * Creates the rule.
   *
   * @throws IllegalArgumentException if a count is negative
   */
  public Steepest {
    Objects.requireNonNull(spacing, "spacing");
    if (skipBegin < 0 || skipEnd < 0) {
      throw new IllegalArgumentException(
          "skipBegin is %d and skipEnd %d, but both must be at least 0"
              .formatted(skipBegin, skipEnd));
    }
  }

  @Override
  public String name() {
    return spacing.ruleName;
  }

  @Override
  public Optional<Pick> pick(Curve curve, SweepSettings settings) {
    double[] rates = curve.rates();
    double[] losses = curve.smoothedLosses();
    int[] kept = new int[losses.length];
    double[] x = new double[losses.length];
    double[] y = new double[losses.length];
    int count = 0;
    for (int i = skipBegin; i < losses.length - skipEnd; i++) {
      if (Double.isFinite(losses[i]) && (spacing != Spacing.LOG_RATE || rates[i] > 0)) {
        kept[count] = i;
        x[count] = spacing.position(count, rates[i]);
        y[count] = losses[i];
        count++;
      }
    }
    if (count < 2) {
      return Optional.empty();
    }
    double[] slopes = new double[count];
    for (int i = 0; i < count; i++) {
      slopes[i] = slope(x, y, i, count);
    }
    int pick = Descent.lowest(slopes, count);
    return Optional.of(Pick.of(rates[kept[pick]]).within(curve));
  }

  /**
   * Computes the slope as numpy.gradient does: of second order, also where points are not evenly
   * spaced.
   */
  private static double slope(double[] x, double[] y, int i, int count) {
    if (i == 0) {
      return (y[1] - y[0]) / (x[1] - x[0]);
    }
    double before = x[i] - x[i - 1];
    if (i == count - 1) {
      return (y[i] - y[i - 1]) / before;
    }
    double after = x[i + 1] - x[i];
    double sum = before * before * y[i + 1] + (after * after - before * before) * y[i];
    return (sum - after * after * y[i - 1]) / (before * after * (before + after));
  }
}

package org.lrfinder.sweep;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/**
 * Collects what a sweep does, for the builders of settings and finders. The library's own extend
 * it. Not thread-safe.
 *
 * @param <B> the builder
 */
public abstract class SweepOptions<B extends SweepOptions<B>> extends StepOptions<B> {
  double minLr = 1e-8;
  double maxLr = 1;
  int steps = 100;
  ScheduleMode mode = ScheduleMode.EXPONENTIAL;
  double earlyStopThreshold = 4;
  double smoothingBeta = 0.98;
  List<Double> groupRatios = List.of();
  List<GroupRange> groupRanges = List.of();
  List<Integer> sweptGroups = List.of();
  boolean cycleData = true;
  int validationBatchCount = 4;

  /** Starts from the defaults. */
  protected SweepOptions() {}

  /**
   * Takes over all settings of a sweep, those of its steps included.
   *
   * @param settings replace what was set of them before
   * @return this builder
   */
  public final B sweep(SweepSettings settings) {
    minLr = settings.minLr();
    maxLr = settings.maxLr();
    steps = settings.steps();
    mode = settings.mode();
    earlyStopThreshold = settings.earlyStopThreshold();
    smoothingBeta = settings.smoothingBeta();
    groupRatios = settings.groupRatios();
    groupRanges = settings.groupRanges();
    sweptGroups = settings.sweptGroups();
    cycleData = settings.cycleData();
    validationBatchCount = settings.validationBatchCount();
    return step(settings.step());
  }

  /**
   * Sets the rate of the first step.
   *
   * @param minLr greater than 0 when exponential, at least 0 when linear; default 1e-8
   * @return this builder
   */
  public final B minLr(double minLr) {
    this.minLr = minLr;
    return self();
  }

  /**
   * Sets the rate of the last step.
   *
   * @param maxLr finite and greater than the minimum; default 1
   * @return this builder
   */
  public final B maxLr(double maxLr) {
    this.maxLr = maxLr;
    return self();
  }

  /**
   * Sets the number of optimizer steps, Lightning's {@code num_training}. 300 buy a better answer:
   * on the library's 75 tuning tasks the suggestion's mean regret (0 the best rate there is, 1
   * nothing learned) falls from 0.066 to 0.047, and 45 more of 375 sweeps are OK.
   *
   * @param steps at least 3; default 100
   * @return this builder
   */
  public final B steps(int steps) {
    this.steps = steps;
    return self();
  }

  /**
   * Sets how the rate moves.
   *
   * @param mode default {@link ScheduleMode#EXPONENTIAL}
   * @return this builder
   */
  public final B mode(ScheduleMode mode) {
    this.mode = Objects.requireNonNull(mode, "mode");
    return self();
  }

  /**
   * Sets the early stop: the sweep ends when the running loss exceeds its best by {@code (threshold
   * - 1)} times that best, after the first tenth of the steps and at least five.
   *
   * @param threshold greater than 1; default 4
   * @return this builder
   */
  public final B earlyStopThreshold(double threshold) {
    this.earlyStopThreshold = threshold;
    return self();
  }

  /**
   * Disables the early stop. A loss that is not finite ends the sweep all the same.
   *
   * @return this builder
   */
  public final B noEarlyStop() {
    return earlyStopThreshold(Double.POSITIVE_INFINITY);
  }

  /**
   * Sets the weight of the past in the running loss.
   *
   * @param beta in [0, 1); default 0.98
   * @return this builder
   */
  public final B smoothingBeta(double beta) {
    this.smoothingBeta = beta;
    return self();
  }

  /**
   * Sets each parameter group's rate as a multiple of the swept one.
   *
   * @param ratios one for each group, at least 0, one of them greater; default: the optimizer's own
   *     ratios to its largest rate
   * @return this builder
   */
  public final B groupRatios(double... ratios) {
    this.groupRatios = Arrays.stream(ratios).boxed().toList();
    return self();
  }

  /**
   * Gives a parameter group a start and an end of its own. It moves between them as the swept rate
   * does between {@link #minLr} and {@link #maxLr}: by equal factors when exponential, by equal
   * differences when linear. The curve is over the swept rate; a suggestion's {@link
   * org.lrfinder.suggestion.Suggestion#perGroup} has each group's rate at the same step, and {@link
   * org.lrfinder.LrFinderResult#ratesOfGroup} all of them. Where some groups have ranges, the swept
   * rate is that of the largest of the others. Not together with {@link #groupRatios}, which names
   * all groups, nor with {@link org.lrfinder.LrFinder.Builder#autoRange}, which would move the ends
   * that were asked for.
   *
   * @param group from 0, in the optimizer's order; a later call for the same group replaces this
   * @param minLr greater than 0 when exponential, at least 0 when linear
   * @param maxLr finite and greater than the minimum
   * @return this builder
   */
  public final B groupRange(int group, double minLr, double maxLr) {
    List<GroupRange> ranges = new ArrayList<>(groupRanges);
    ranges.removeIf(range -> range.group() == group);
    ranges.add(new GroupRange(group, minLr, maxLr));
    ranges.sort(Comparator.comparingInt(GroupRange::group));
    groupRanges = ranges;
    return self();
  }

  /**
   * Sets which parameter groups are swept; the others train at the rates that they have.
   *
   * @param groups from 0, in the optimizer's order; default none, which sweeps all
   * @return this builder
   */
  public final B sweptGroups(int... groups) {
    this.sweptGroups = Arrays.stream(groups).boxed().toList();
    return self();
  }

  /**
   * Sets whether the batches start again when they run out.
   *
   * @param cycle default true; false ends the sweep instead
   * @return this builder
   */
  public final B cycleData(boolean cycle) {
    this.cycleData = cycle;
    return self();
  }

  /**
   * Sets how many validation batches the validation loss of each step is the mean of, where such
   * batches are given.
   *
   * @param count at least 1, default 4; the first ones are taken
   * @return this builder
   */
  public final B validationBatchCount(int count) {
    this.validationBatchCount = count;
    return self();
  }

  /** {@return what was set, checked as {@link SweepSettings.Builder#build} says} */
  protected final SweepSettings sweepSettings() {
    return new SweepSettings(this);
  }
}

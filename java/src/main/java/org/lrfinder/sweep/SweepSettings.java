package org.lrfinder.sweep;

import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * What a sweep does. Immutable; {@code LrFinder.builder()} makes one.
 *
 * @param minLr learning rate of the first step; greater than 0 when exponential, at least 0 when
 *     linear
 * @param maxLr learning rate of the last step, finite and greater than {@code minLr}
 * @param steps number of optimizer steps, at least 3
 * @param mode how the rate moves from {@code minLr} to {@code maxLr}
 * @param earlyStopThreshold how far the running loss may rise over its best, greater than 1;
 *     infinity never stops
 * @param smoothingBeta weight of the past in the running loss, in [0, 1)
 * @param accumulateGradBatches micro-batches in one optimizer step, at least 1
 * @param gradientClipNorm total norm that the averaged gradients are clipped to, greater than 0;
 *     infinity leaves them alone
 * @param gradientClipValue largest absolute value of an averaged gradient's elements, greater than
 *     0; infinity leaves them alone; not together with a norm
 * @param groupRatios each parameter group's rate as a multiple of the swept one, at least 0; empty:
 *     the optimizer's own ratios
 * @param groupRanges parameter groups with a start and an end of their own, of which each has one
 *     at most; not together with {@code groupRatios}; empty: all groups follow by a ratio
 * @param sweptGroups the parameter groups whose rates are swept, from 0, while the others keep
 *     theirs; empty: all
 * @param cycleData whether the batches start again when they run out
 * @param precision of the forward passes
 * @param validationBatchCount how many of the validation batches, if any are given, the validation
 *     loss of each step is the mean of; at least 1
 * @param threads CPU threads of libtorch and BLAS during the sweep, at least 1; 0 lets the engine
 *     choose
 */
public record SweepSettings(
    double minLr,
    double maxLr,
    int steps,
    ScheduleMode mode,
    double earlyStopThreshold,
    double smoothingBeta,
    int accumulateGradBatches,
    double gradientClipNorm,
    double gradientClipValue,
    List<Double> groupRatios,
    List<GroupRange> groupRanges,
    List<Integer> sweptGroups,
    boolean cycleData,
    Precision precision,
    int validationBatchCount,
    int threads) {

  /**
   * Lightning 0.8.1's defaults: 1e-8 to 1 in 100 exponential steps, early stop at 4, smoothing
   * 0.98.
   */
  public static final SweepSettings DEFAULTS =
      new SweepSettings(
          1e-8,
          1,
          100,
          ScheduleMode.EXPONENTIAL,
          4,
          0.98,
          1,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          List.of(),
          List.of(),
          List.of(),
          true,
          Precision.AS_PARAMETERS,
          4,
          0);

  /**
   * Checks the settings.
   *
   * @throws IllegalArgumentException if one is out of its range; the message names it, its value
   *     and what is allowed
   */
  public SweepSettings {
    Objects.requireNonNull(mode, "mode");
    groupRatios = List.copyOf(groupRatios);
    groupRanges = List.copyOf(groupRanges);
    sweptGroups = List.copyOf(sweptGroups);
    Objects.requireNonNull(precision, "precision");
    requireRange(mode, "minLr", minLr, "maxLr", maxLr);
    require(steps >= 3, "steps", steps, "at least 3");
    require(
        earlyStopThreshold > 1,
        "earlyStopThreshold",
        earlyStopThreshold,
        "greater than 1, or none");
    require(
        smoothingBeta >= 0 && smoothingBeta < 1,
        "smoothingBeta",
        smoothingBeta,
        "at least 0 and less than 1");
    require(
        accumulateGradBatches >= 1, "accumulateGradBatches", accumulateGradBatches, "at least 1");
    require(gradientClipNorm > 0, "gradientClipNorm", gradientClipNorm, "greater than 0");
    require(gradientClipValue > 0, "gradientClipValue", gradientClipValue, "greater than 0");
    require(
        Double.isInfinite(gradientClipNorm) || Double.isInfinite(gradientClipValue),
        "gradientClipValue",
        gradientClipValue,
        "none when gradients are clipped by gradientClipNorm, which is " + gradientClipNorm);
    require(validationBatchCount >= 1, "validationBatchCount", validationBatchCount, "at least 1");
    require(threads >= 0, "threads", threads, "at least 1, or 0 to let the engine choose");
    for (double ratio : groupRatios) {
      require(ratio >= 0 && Double.isFinite(ratio), "groupRatios", ratio, "finite and at least 0");
    }
    for (int group : sweptGroups) {
      require(group >= 0, "sweptGroups", group, "at least 0");
    }
    requireGroupRanges(mode, groupRanges, groupRatios, sweptGroups);
    if (!groupRatios.isEmpty()) {
      require(
          groupRatios.stream().anyMatch(ratio -> ratio > 0),
          "groupRatios",
          groupRatios,
          "greater than 0 for at least one group");
    }
  }

  /**
   * Computes the learning rate of a step.
   *
   * @param step which step, from 0 to {@code steps() - 1}
   * @return the rate, before the groups' ratios
   */
  public double rate(int step) {
    return mode.rate(minLr, maxLr, steps, step);
  }

  /**
   * Changes the rates.
   *
   * @param newMinLr learning rate of the first step
   * @param newMaxLr learning rate of the last step
   * @param newSteps number of steps
   * @return settings like these with other rates
   * @throws IllegalArgumentException if one is out of its range
   */
  public SweepSettings withRates(double newMinLr, double newMaxLr, int newSteps) {
    return new SweepSettings(
        newMinLr,
        newMaxLr,
        newSteps,
        mode,
        earlyStopThreshold,
        smoothingBeta,
        accumulateGradBatches,
        gradientClipNorm,
        gradientClipValue,
        groupRatios,
        groupRanges,
        sweptGroups,
        cycleData,
        precision,
        validationBatchCount,
        threads);
  }

  private static void requireRange(
      ScheduleMode mode, String minName, double min, String maxName, double max) {
    boolean exponential = mode == ScheduleMode.EXPONENTIAL;
    require(min > 0 || !exponential, minName, min, "greater than 0 when mode is EXPONENTIAL");
    require(min >= 0, minName, min, "at least 0");
    require(Double.isFinite(max), maxName, max, "finite");
    require(max > min, maxName, max, "greater than %s, which is %s".formatted(minName, min));
    // Narrower numbers lose digits, a ratio or a difference over the largest one loses the rate.
    require(min == 0 || min >= Double.MIN_NORMAL, minName, min, "at least " + Double.MIN_NORMAL);
    require(
        !exponential || Double.isFinite(max / min),
        maxName,
        max,
        "less than 1.8e308 times %s, which is %s".formatted(minName, min));
  }

  private static void requireGroupRanges(
      ScheduleMode mode,
      List<GroupRange> ranges,
      List<Double> groupRatios,
      List<Integer> sweptGroups) {
    Set<Integer> groups = new HashSet<>();
    for (GroupRange range : ranges) {
      int group = range.group();
      require(group >= 0, "groupRange's group", group, "at least 0");
      require(groups.add(group), "groupRange's group", group, "given once");
      String of = " of groupRange " + group;
      requireRange(mode, "minLr" + of, range.minLr(), "maxLr" + of, range.maxLr());
      require(
          sweptGroups.isEmpty() || sweptGroups.contains(group),
          "groupRange's group",
          group,
          "one of sweptGroups, which are " + sweptGroups);
    }
    require(
        ranges.isEmpty() || groupRatios.isEmpty(),
        "groupRatios",
        groupRatios,
        "none where groupRange gives a group its own range: it names all groups");
  }

  private static void require(boolean holds, String name, Object value, String allowed) {
    if (!holds) {
      throw new IllegalArgumentException(name + " is " + value + ", but must be " + allowed);
    }
  }
}

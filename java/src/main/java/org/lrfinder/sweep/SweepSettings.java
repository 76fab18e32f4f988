package org.lrfinder.sweep;

import static org.lrfinder.sweep.StepOptions.require;

import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a sweep does. Immutable. */
public final class SweepSettings {
  /** Lightning 0.8.1's defaults, which the builder's methods name. */
  public static final SweepSettings DEFAULTS = builder().build();

  private final double minLr;
  private final double maxLr;
  private final int steps;
  private final ScheduleMode mode;
  private final double earlyStopThreshold;
  private final double smoothingBeta;
  private final StepSettings step;
  private final List<Double> groupRatios;
  private final List<GroupRange> groupRanges;
  private final List<Integer> sweptGroups;
  private final boolean cycleData;
  private final int validationBatchCount;

  SweepSettings(SweepOptions<?> options) {
    minLr = options.minLr;
    maxLr = options.maxLr;
    steps = options.steps;
    mode = options.mode;
    earlyStopThreshold = options.earlyStopThreshold;
    smoothingBeta = options.smoothingBeta;
    step = options.stepSettings();
    groupRatios = List.copyOf(options.groupRatios);
    groupRanges = List.copyOf(options.groupRanges);
    sweptGroups = List.copyOf(options.sweptGroups);
    cycleData = options.cycleData;
    validationBatchCount = options.validationBatchCount;
    requireRange(minLr, maxLr, "");
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
    require(validationBatchCount >= 1, "validationBatchCount", validationBatchCount, "at least 1");
    for (double ratio : groupRatios) {
      require(ratio >= 0 && Double.isFinite(ratio), "groupRatios", ratio, "finite and at least 0");
    }
    for (int group : sweptGroups) {
      require(group >= 0, "sweptGroups", group, "at least 0");
    }
    requireGroupRanges();
    require(
        groupRatios.isEmpty() || groupRatios.stream().anyMatch(ratio -> ratio > 0),
        "groupRatios",
        groupRatios,
        "greater than 0 for at least one group");
  }

  /** {@return a builder with the defaults that its methods name} */
  public static Builder builder() {
    return new Builder();
  }

  /** {@return a builder with these settings} */
  public Builder toBuilder() {
    return builder().sweep(this);
  }

  /**
   * Computes the learning rate of a step.
   *
   * @param index which step, from 0 to {@code steps() - 1}
   * @return the rate, before the groups' ratios
   */
  public double rate(int index) {
    return mode.rate(minLr, maxLr, steps, index);
  }

  /**
   * {@return the learning rate of the first step, greater than 0 when exponential, at least 0 when
   * linear}
   */
  public double minLr() {
    return minLr;
  }

  /** {@return the learning rate of the last step, finite and greater than {@link #minLr}} */
  public double maxLr() {
    return maxLr;
  }

  /** {@return the number of optimizer steps, at least 3} */
  public int steps() {
    return steps;
  }

  /** {@return how the rate moves from {@link #minLr} to {@link #maxLr}} */
  public ScheduleMode mode() {
    return mode;
  }

  /**
   * {@return how far the running loss may rise over its best, greater than 1; infinity never stops}
   */
  public double earlyStopThreshold() {
    return earlyStopThreshold;
  }

  /** {@return the weight of the past in the running loss, in [0, 1)} */
  public double smoothingBeta() {
    return smoothingBeta;
  }

  /** {@return how each step is made} */
  public StepSettings step() {
    return step;
  }

  /**
   * {@return each parameter group's rate as a multiple of the swept one, at least 0; empty: the
   * optimizer's own ratios}
   */
  public List<Double> groupRatios() {
    return groupRatios;
  }

  /**
   * {@return the parameter groups with a start and an end of their own, of which each has one at
   * most; not together with {@link #groupRatios}; empty: all groups follow by a ratio}
   */
  public List<GroupRange> groupRanges() {
    return groupRanges;
  }

  /**
   * {@return the parameter groups whose rates are swept, from 0, while the others keep theirs;
   * empty: all}
   */
  public List<Integer> sweptGroups() {
    return sweptGroups;
  }

  /** {@return whether the batches start again when they run out} */
  public boolean cycleData() {
    return cycleData;
  }

  /**
   * {@return how many of the validation batches, if any are given, the validation loss of each step
   * is the mean of; at least 1}
   */
  public int validationBatchCount() {
    return validationBatchCount;
  }

  private void requireRange(double min, double max, String of) {
    String minName = "minLr" + of;
    String maxName = "maxLr" + of;
    boolean exponential = mode == ScheduleMode.EXPONENTIAL;
    require(min > 0 || !exponential, minName, min, "greater than 0 when mode is EXPONENTIAL");
    require(min >= 0, minName, min, "at least 0");
    require(Double.isFinite(max), maxName, max, "finite");
    require(max > min, maxName, max, "greater than", minName, min);
    // Narrower numbers lose digits, a ratio or a difference over the largest one loses the rate.
    require(min == 0 || min >= Double.MIN_NORMAL, minName, min, "at least " + Double.MIN_NORMAL);
    require(
        !exponential || Double.isFinite(max / min),
        maxName,
        max,
        "less than 1.8e308 times",
        minName,
        min);
  }

  private void requireGroupRanges() {
    Set<Integer> groups = new HashSet<>();
    for (GroupRange range : groupRanges) {
      int group = range.group();
      require(group >= 0, "groupRange's group", group, "at least 0");
      require(groups.add(group), "groupRange's group", group, "given once");
      requireRange(range.minLr(), range.maxLr(), " of groupRange " + group);
      require(
          sweptGroups.isEmpty() || sweptGroups.contains(group),
          "groupRange's group",
          group,
          "one of sweptGroups, which are " + sweptGroups);
    }
    require(
        groupRanges.isEmpty() || groupRatios.isEmpty(),
        "groupRatios",
        groupRatios,
        "none where groupRange gives a group its own range: it names all groups");
  }

  /**
   * {@return the settings by the names of the builder's methods, those of a step among them, such
   * as to list them; in a fixed order, not to be changed}
   */
  public Map<String, Object> asMap() {
    return Collections.unmodifiableMap(values());
  }

  private Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("minLr", minLr);
    values.put("maxLr", maxLr);
    values.put("steps", steps);
    values.put("mode", mode);
    values.put("earlyStopThreshold", earlyStopThreshold);
    values.put("smoothingBeta", smoothingBeta);
    values.putAll(step.values());
    values.put("groupRatios", groupRatios);
    values.put("groupRanges", groupRanges);
    values.put("sweptGroups", sweptGroups);
    values.put("cycleData", cycleData);
    values.put("validationBatchCount", validationBatchCount);
    return values;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof SweepSettings settings && values().equals(settings.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "SweepSettings" + values();
  }

  /** Collects the settings of a sweep. Not thread-safe. */
  public static final class Builder extends SweepOptions<Builder> {
    private Builder() {}

    @Override
    protected Builder self() {
      return this;
    }

    /**
     * Makes the settings.
     *
     * @return immutable settings
     * @throws IllegalArgumentException if one is out of its range or contradicts another; the
     *     message names it, its value and what is allowed
     */
    public SweepSettings build() {
      return sweepSettings();
    }
  }
}

package org.lrfinder.sweep;

import static org.lrfinder.sweep.StepOptions.require;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How an optimizer step is made, in a sweep as in a training. Immutable. */
public final class StepSettings {
  // OpenMP ends the process if it cannot start as many as it is told to.
  private static final int MOST_THREADS = 1024;

  private final int accumulateGradBatches;
  private final double gradientClipNorm;
  private final double gradientClipValue;
  private final Precision precision;
  private final int threads;
  private final boolean replay;

  StepSettings(StepOptions<?> options) {
    accumulateGradBatches = options.accumulateGradBatches;
    gradientClipNorm = options.gradientClipNorm;
    gradientClipValue = options.gradientClipValue;
    precision = options.precision;
    threads = options.threads;
    replay = options.replay;
    require(
        accumulateGradBatches >= 1, "accumulateGradBatches", accumulateGradBatches, "at least 1");
    require(gradientClipNorm > 0, "gradientClipNorm", gradientClipNorm, "greater than 0");
    require(gradientClipValue > 0, "gradientClipValue", gradientClipValue, "greater than 0");
    require(
        Double.isInfinite(gradientClipNorm) || Double.isInfinite(gradientClipValue),
        "gradientClipValue",
        gradientClipValue,
        "none when gradients are clipped by",
        "gradientClipNorm",
        gradientClipNorm);
    require(
        threads >= 0 && threads <= MOST_THREADS,
        "threads",
        threads,
        "from 1 to " + MOST_THREADS + ", or 0 to let the engine choose");
  }

  /** {@return a builder with the defaults that its methods name} */
  public static Builder builder() {
    return new Builder();
  }

  /** {@return micro-batches in one optimizer step, at least 1} */
  public int accumulateGradBatches() {
    return accumulateGradBatches;
  }

  /**
   * {@return the total norm that the averaged gradients are clipped to, greater than 0; infinity
   * leaves them alone}
   */
  public double gradientClipNorm() {
    return gradientClipNorm;
  }

  /**
   * {@return the largest absolute value of an averaged gradient's elements, greater than 0;
   * infinity leaves them alone}
   */
  public double gradientClipValue() {
    return gradientClipValue;
  }

  /** {@return the type in which forward passes compute} */
  public Precision precision() {
    return precision;
  }

  /**
   * {@return CPU threads of libtorch and BLAS meanwhile, at most 1024; 0 lets the engine choose}
   */
  public int threads() {
    return threads;
  }

  /** {@return whether the native engine may replay steps} */
  public boolean replay() {
    return replay;
  }

  /** By name, for all that is said of them together. */
  Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("accumulateGradBatches", accumulateGradBatches);
    values.put("gradientClipNorm", gradientClipNorm);
    values.put("gradientClipValue", gradientClipValue);
    values.put("precision", precision);
    values.put("threads", threads);
    values.put("replay", replay);
    return values;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof StepSettings step && values().equals(step.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "StepSettings" + values();
  }

  /** Collects the settings of a step. Not thread-safe. */
  public static final class Builder extends StepOptions<Builder> {
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
    public StepSettings build() {
      return stepSettings();
    }
  }
}

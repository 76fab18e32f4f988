package org.lrfinder.sweep;

import java.util.Objects;

/**
 * Collects how an optimizer step is made, for the builders of sweeps and trainings. The library's
 * own extend it. Not thread-safe.
 *
 * @param <B> the builder
 */
public abstract class StepOptions<B extends StepOptions<B>> {
  int accumulateGradBatches = 1;
  double gradientClipNorm = Double.POSITIVE_INFINITY;
  double gradientClipValue = Double.POSITIVE_INFINITY;
  Precision precision = Precision.AS_PARAMETERS;
  int threads;
  boolean replay = true;

  /** Starts from the defaults. */
  protected StepOptions() {}

  /** {@return this builder} */
  protected abstract B self();

  /**
   * Takes over all settings of the step.
   *
   * @param step replaces what was set of them before
   * @return this builder
   */
  public final B step(StepSettings step) {
    accumulateGradBatches = step.accumulateGradBatches();
    gradientClipNorm = step.gradientClipNorm();
    gradientClipValue = step.gradientClipValue();
    precision = step.precision();
    threads = step.threads();
    replay = step.replay();
    return self();
  }

  /**
   * Sets the number of micro-batches in an optimizer step, whose losses and gradients are averaged.
   * Where the data end within a step, it is the mean over those there are.
   *
   * @param microBatches at least 1; default 1
   * @return this builder
   */
  public final B accumulateGradBatches(int microBatches) {
    this.accumulateGradBatches = microBatches;
    return self();
  }

  /**
   * Clips the averaged gradients of each optimizer's parameters before each update, as {@code
   * torch.nn.utils.clip_grad_norm_} does. Not together with {@link #gradientClipValue}.
   *
   * @param maxNorm largest total norm, greater than 0; default infinity, which leaves them alone
   * @return this builder
   */
  public final B gradientClipNorm(double maxNorm) {
    this.gradientClipNorm = maxNorm;
    return self();
  }

  /**
   * Clamps each element of the averaged gradients before each update, as {@code
   * torch.nn.utils.clip_grad_value_} does. Not together with {@link #gradientClipNorm}.
   *
   * @param maxValue largest absolute value, greater than 0; default infinity, which leaves them
   *     alone
   * @return this builder
   */
  public final B gradientClipValue(double maxValue) {
    this.gradientClipValue = maxValue;
    return self();
  }

  /**
   * Sets the type in which forward passes compute.
   *
   * @param precision default {@link Precision#AS_PARAMETERS}, which leaves it to the parameters
   * @return this builder
   */
  public final B precision(Precision precision) {
    this.precision = Objects.requireNonNull(precision, "precision");
    return self();
  }

  /**
   * Sets the number of CPU threads of libtorch and BLAS meanwhile: libtorch's for the thread that
   * sweeps or trains, BLAS's for the whole process (MKL has libtorch's, unless somebody gave it a
   * count of its own). Both are put back after a sweep, and after each epoch of a training.
   *
   * @param threads from 1 to 1024, more than which OpenMP may fail to start; default 0: what
   *     somebody set stays, else the engine chooses by the network's largest parameters and, with
   *     MKL, the first batch
   * @return this builder
   */
  public final B threads(int threads) {
    this.threads = threads;
    return self();
  }

  /**
   * Sets whether the native engine may replay steps: record one, operator by operator, and run the
   * same kernels in the same order for the next ones, without autograd. That is faster and the same
   * to the bit. Nothing is replayed but on the CPU, of networks of known layers with built-in
   * losses, of TorchScript without branches, and of what was declared static. The system property
   * {@code lrfinder.replay=false} turns it off for the process.
   *
   * @param replay default true
   * @return this builder
   */
  public final B replay(boolean replay) {
    this.replay = replay;
    return self();
  }

  /** {@return what was set, checked as {@link StepSettings.Builder#build} says} */
  protected final StepSettings stepSettings() {
    return new StepSettings(this);
  }

  /**
   * Refuses a setting.
   *
   * @param holds whether it is as it must be
   * @param name of the setting
   * @param value that it has
   * @param allowed what it must be, in words
   * @throws IllegalArgumentException unless it holds
   */
  protected static void require(boolean holds, String name, Object value, String allowed) {
    if (!holds) {
      throw new IllegalArgumentException(name + " is " + value + ", but must be " + allowed);
    }
  }

  /** Refuses a setting for what another one is; words are made only then: they take longer. */
  static void require(
      boolean holds, String name, Object value, String allowed, String other, Object otherValue) {
    if (!holds) {
      require(false, name, value, allowed + " " + other + ", which is " + otherValue);
    }
  }
}

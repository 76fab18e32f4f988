package org.lrfinder.internal.engine;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;

/**
 * A running training with the caller's own optimizer, which is after each step what its own steps
 * would have made of it, to rounding. A step may end before it has all its micro-batches: it is
 * then the mean over those it has. What finishes a step drops the gradients, and returns whether a
 * loss has become known, which {@link #loss} then is: that of the step, or off the CPU, where the
 * native engine waits for none, that of the oldest step whose loss was not known yet.
 */
public sealed interface EngineTraining extends EngineSession
    permits NativeTrainingSession, PortableTrainingSession {
  /** Finishes a step with its last micro-batch. */
  boolean step(Batch batch, Loss loss);

  /** Finishes a step with the loss of its last micro-batch. */
  boolean step(Tensor loss, double rows);

  /**
   * Finishes a step with the micro-batches that were accumulated: one at least. There may be none
   * where the training is shared; if no process has any, there is no step, and no loss known.
   */
  boolean finish();

  /** Waits for the oldest step whose loss is not known; returns whether there was one. */
  boolean settle();

  /**
   * Waits for the other processes before the first step, where the training is shared.
   *
   * @param settings have to be alike in all of them
   * @param begins whether a training begins, whose parameters may be made those of rank 0; else
   *     they are compared
   * @throws IllegalArgumentException in all of them, if settings, parameters or buffers are not
   *     alike
   */
  void agree(Map<String, ?> settings, boolean begins);

  /** {@return why all processes end with the last step; null if they go on} */
  @Nullable EndReason ending();

  /** {@return the mean loss of a step, before its update, that became known last} */
  double loss();
}

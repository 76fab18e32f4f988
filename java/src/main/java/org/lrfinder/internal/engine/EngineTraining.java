package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
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
  boolean step(Tensor loss);

  /** Finishes a step with the micro-batches that were accumulated: one at least. */
  boolean finish();

  /** Waits for the oldest step whose loss is not known; returns whether there was one. */
  boolean settle();

  /** {@return the mean loss of a step, before its update, that became known last} */
  double loss();
}

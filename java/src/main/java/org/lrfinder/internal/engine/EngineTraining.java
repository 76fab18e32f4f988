package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;

/**
 * A running training with the caller's own optimizer, which is after each step what its own steps
 * would have made of it, to rounding. A step may end before it has all its micro-batches: it is
 * then the mean over those it has. What finishes a step returns its mean loss, before the update,
 * and drops the gradients.
 */
public sealed interface EngineTraining extends EngineSession
    permits NativeTrainingSession, PortableTrainingSession {
  /** Finishes a step with its last micro-batch. */
  double step(Batch batch, Loss loss);

  /** Finishes a step with the loss of its last micro-batch. */
  double step(Tensor loss);

  /** Finishes a step with the micro-batches that were accumulated: one at least. */
  double finish();
}

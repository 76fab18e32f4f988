package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;

/**
 * A running training with the caller's own optimizer, which is after each step what its own steps
 * would have made of it, to rounding. A step may end before it has all its micro-batches: it is
 * then the mean over those it has. Gradients are dropped after a step.
 */
public sealed interface EngineTraining extends EngineSession
    permits NativeTrainingSession, PortableTrainingSession {
  /**
   * Finishes a step with its last micro-batch.
   *
   * @param batch input and target
   * @param loss what compares the network's output with the target
   * @return the step's mean loss, before the update
   */
  double step(Batch batch, Loss loss);

  /**
   * Finishes a step with the loss of its last micro-batch.
   *
   * @param loss one real number
   * @return the step's mean loss, before the update
   */
  double step(Tensor loss);

  /**
   * Finishes a step with the micro-batches that were accumulated, of which there must be one at
   * least.
   *
   * @return the step's mean loss, before the update
   */
  double finish();
}

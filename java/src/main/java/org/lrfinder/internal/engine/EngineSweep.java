package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.sweep.Loss;

/** A running sweep, confined to the thread that started it. */
public interface EngineSweep extends EngineSession {
  /** What a step found. */
  enum Outcome {
    // In the order of lrfinder::StepResult, whose numbers come from the native core.
    /** The loss was recorded, the parameters updated. */
    CONTINUE,
    /** The loss was recorded and tripped the early stop. */
    DIVERGED,
    /** The loss was not finite and not recorded. */
    NON_FINITE
  }

  /**
   * Finishes a step with its last micro-batch.
   *
   * @param batch input and target
   * @param loss what compares the network's output with the target
   * @param lr the swept learning rate of the update
   * @return what the step found
   */
  Outcome step(Batch batch, Loss loss, double lr);

  /**
   * Adds the gradients of a part's loss computed by the caller.
   *
   * @param loss one real number
   * @param part whose loss it is; each micro-batch goes to one part after the other
   */
  void accumulate(Tensor loss, int part);

  @Override
  default void accumulate(Tensor loss) {
    accumulate(loss, 0);
  }

  /**
   * Finishes a part's step with the loss of its last micro-batch. The last part's records the sum
   * of the losses.
   *
   * @param loss one real number
   * @param lr the swept learning rate of the update
   * @param part whose loss it is
   * @return what the step found
   */
  Outcome step(Tensor loss, double lr, int part);

  /**
   * Finishes a part's step with the micro-batches that were accumulated: their mean.
   *
   * @param lr the swept learning rate of the update
   * @param part which part
   * @return what the step found
   */
  Outcome finish(double lr, int part);

  /** {@return loss of the last recorded step, averaged over its micro-batches} */
  double lastLoss();

  /** {@return running loss after the last recorded step} */
  double smoothedLoss();

  /** {@return lowest running loss} */
  double bestLoss();

  /**
   * Puts everything back as {@link Engine#start} found it, bit for bit. Repeated calls do nothing.
   *
   * @throws RestoreException if that failed: the model is not as it was
   */
  void restore();

  /** Restores if that was not done, and frees native memory. */
  @Override
  void close();
}

package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.RunningLoss;

/** A running sweep, confined to the thread that started it. Steps update at a swept rate. */
public sealed interface EngineSweep extends EngineSession
    permits NativeSweepSession, PortableSweepSession {
  /** Finishes a step with its last micro-batch. */
  Outcome step(Batch batch, Loss loss, double lr);

  /**
   * Finishes a part's step with the loss of its last micro-batch. The last part's records the sum
   * of the losses.
   */
  Outcome step(Tensor loss, double lr, int part);

  /** Finishes a part's step with the micro-batches that were accumulated: their mean. */
  Outcome finish(double lr, int part);

  /** {@return the running loss, always as it is now; after the sweep was closed, as it was then} */
  RunningLoss runningLoss();

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

package org.lrfinder.internal.engine;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.RunningLoss;

/**
 * A running sweep, confined to the thread that started it. Steps update at a swept rate.
 *
 * <p>The native engine waits for no loss off the CPU. What finishes a step then returns what the
 * oldest step found whose loss was not known yet, if it has become known, else {@link
 * Outcome#PENDING}; {@link #settle} waits for those that are left. Each step is recorded as if its
 * loss had been known at once, and after {@link Outcome#DIVERGED} or {@link Outcome#NON_FINITE}
 * those begun since do not count; fused kernels updated nothing in them either.
 */
public sealed interface EngineSweep extends EngineSession
    permits NativeSweepSession, PortableSweepSession {
  /** Finishes a step with its last micro-batch. */
  Outcome step(Batch batch, Loss loss, double lr);

  /**
   * Finishes a part's step with the loss of its last micro-batch. The last part's records the sum
   * of the losses, and says what became known; those before it say no more than whether the sweep
   * ends.
   */
  Outcome step(Tensor loss, double lr, int part, double rows);

  /**
   * Finishes a part's step with the micro-batches that were accumulated: their mean. There may be
   * none where the sweep is shared.
   */
  Outcome finish(double lr, int part);

  /**
   * Waits for the oldest step whose loss is not known.
   *
   * @return what it found; {@link Outcome#PENDING} if there is none
   */
  Outcome settle();

  /**
   * {@return the running loss of the steps whose losses are known, always as it is now; after the
   * sweep was closed, as it was then}
   */
  RunningLoss runningLoss();

  /**
   * Waits for the other processes before the first step, where the sweep is shared.
   *
   * @param settings have to be alike in all of them
   * @param validated whether {@link #average} is called after each step that was recorded
   * @throws IllegalArgumentException in all of them, if settings, parameters or buffers are not
   *     alike
   */
  void agree(Map<String, ?> settings, boolean validated);

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

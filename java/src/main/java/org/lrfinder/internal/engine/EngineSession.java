package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;

/**
 * What a running sweep and a running training have in common: steps are made of micro-batches, all
 * but the last of which are accumulated. Confined to one thread.
 *
 * <p>Every method throws {@link IllegalArgumentException} for batches and losses that cannot be
 * used, {@link IllegalStateException} once the session has ended, and {@link EngineException} for
 * failures of libtorch.
 */
public sealed interface EngineSession extends AutoCloseable
    permits EngineSweep, EngineTraining, Session {
  /** Adds the gradients of a micro-batch that the network is given. */
  void accumulate(Batch batch, Loss loss);

  /**
   * Adds the gradients of a part's loss computed by the caller: one real number.
   *
   * @param part whose loss it is, from 0; each micro-batch of a sweep goes to one part after the
   *     other, a training has one part
   * @param rows that it is the mean of, as {@link #rows} says
   */
  void accumulate(Tensor loss, int part, double rows);

  /**
   * Replays a micro-batch of a part whose loss the caller would compute, if it can: that stands for
   * {@link #accumulate(Tensor, int, double)}. If not, the caller computes the loss and hands it
   * over next, or calls {@link #abandon}: until then the operators of this thread may be recorded.
   *
   * @param batch what the loss is computed from
   * @return whether it was replayed
   */
  boolean replay(Object batch, int part);

  /** Says that the loss that was asked for by {@link #replay} does not come. */
  void abandon(int part);

  /** {@return what was replayed so far; not once the session was closed} */
  Replay replay();

  /** Computes a loss without gradients, in the train/eval modes that the network is in. */
  double evaluate(Batch batch, Loss loss);

  /**
   * {@return whether each step is made together with other processes, so that none may be left out
   * or ended by this one alone}
   */
  boolean isShared();

  /**
   * {@return how many rows a batch has, if that counts: with other processes} 1 where it does not,
   * or cannot be told.
   */
  double rows(Object batch);

  /**
   * Says that this process ends the sweep, or the training or its epoch: all processes do after
   * their next step. Where the session is shared.
   *
   * @param reason one from outside
   */
  void end(EndReason reason);

  /**
   * {@return the total by the weight; where the session is shared, of all processes together, which
   * is refused in all if they have no weight}
   */
  double average(double total, double weight);

  /** {@return a region in which a loss computed by the caller has the session's precision} */
  Autocast autocast();

  /** {@return what computes this session; not once it was closed} */
  EngineInfo info();

  /** Ends the session and frees native memory. */
  @Override
  void close();
}

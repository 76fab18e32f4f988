package org.lrfinder.internal.engine;

import java.util.Objects;
import java.util.function.DoubleConsumer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;

/**
 * Where a micro-batch's loss comes from. A caller's loss may be null, which leaves the batch out:
 * the engine does not hear of it.
 *
 * @param <B> what a batch is
 */
public sealed interface Objective<B> {
  /**
   * Refuses, before a sweep starts, a network whose losses this cannot compute.
   *
   * @throws IllegalArgumentException if it cannot
   */
  void require(SweepSubject.Part part);

  /** Adds the gradients of a micro-batch; false if it was left out. */
  boolean accumulate(EngineSession session, B batch);

  /**
   * Finishes a step of a sweep with its last micro-batch.
   *
   * @return what became known; null if the batch was left out and the step is not finished
   */
  @Nullable Outcome step(EngineSweep sweep, B batch, double lr);

  /**
   * Finishes a step of a training with its last micro-batch.
   *
   * @return {@link Outcome#CONTINUE} if a loss became known, {@link EngineTraining#loss}, else
   *     {@link Outcome#PENDING}; null if the batch was left out and the step is not finished
   */
  @Nullable Outcome step(EngineTraining training, B batch);

  /** {@return what became known by a step of a training} */
  static Outcome found(boolean lossKnown) {
    return lossKnown ? Outcome.CONTINUE : Outcome.PENDING;
  }

  /**
   * Computes a loss inside an {@link EvalMode}.
   *
   * @param losses given its loss, unless the batch was left out
   */
  void evaluate(EngineSession session, B batch, DoubleConsumer losses);

  /** The engine forwards the network. */
  record Native(Loss loss) implements Objective<Batch> {
    public Native {
      Objects.requireNonNull(loss, "loss");
    }

    @Override
    public void require(SweepSubject.Part part) {
      Pointer network = part.script() != null ? part.script() : part.module();
      if (network != null && overridesForward(network)) {
        throw new IllegalArgumentException(
            "%s overrides forward, but the engine forwards its layers natively and would not call it: pass the loss instead, SweepTask.of(network, optimizer, batch -> loss, batches)"
                .formatted(network.getClass().getName()));
      }
    }

    /**
     * {@return whether engines forward it as Java code does: layer by layer, in native code, which
     * calls no method that a class of a user's overrides}
     */
    public static boolean forwards(Module network) {
      return network instanceof SequentialImpl && !overridesForward(network);
    }

    private static boolean overridesForward(Pointer network) {
      Class<?> input = network instanceof JitModule ? IValueVector.class : Tensor.class;
      try {
        Class<?> declaring = network.getClass().getMethod("forward", input).getDeclaringClass();
        return !declaring.getPackage().equals(Module.class.getPackage());
      } catch (NoSuchMethodException e) {
        return false; // nothing to override
      }
    }

    @Override
    public boolean accumulate(EngineSession session, Batch batch) {
      requireOpen(batch);
      session.accumulate(batch, loss);
      return true;
    }

    @Override
    public Outcome step(EngineSweep sweep, Batch batch, double lr) {
      requireOpen(batch);
      return sweep.step(batch, loss, lr);
    }

    @Override
    public Outcome step(EngineTraining training, Batch batch) {
      requireOpen(batch);
      return found(training.step(batch, loss));
    }

    @Override
    public void evaluate(EngineSession session, Batch batch, DoubleConsumer losses) {
      requireOpen(batch);
      losses.accept(session.evaluate(batch, loss));
    }

    private static void requireOpen(Batch batch) {
      if (batch.input().isNull() || batch.target().isNull()) {
        throw new IllegalArgumentException(
            "the batch's %s was closed before it was used"
                .formatted(batch.input().isNull() ? "input" : "target"));
      }
    }
  }

  /**
   * The caller computes the loss.
   *
   * @param part whose loss it is, if it is one of several; only the first may leave a batch out,
   *     since those before a later one have been updated
   */
  record Callback<B>(LossFunction<B> function, int part) implements Objective<B> {
    public Callback {
      Objects.requireNonNull(function, "loss");
    }

    /** Of a training, or of a sweep with one part. */
    public Callback(LossFunction<B> function) {
      this(function, 0);
    }

    @Override
    public void require(SweepSubject.Part part) {
      // Whatever it is, the caller forwards it.
    }

    @Override
    public boolean accumulate(EngineSession session, B batch) {
      double rows = session.rows(batch);
      if (rows == 0 || session.replay(batch, part)) {
        return true;
      }
      Tensor loss = computed(session, batch);
      if (loss == null) {
        return false;
      }
      session.accumulate(loss, part, rows);
      return true;
    }

    @Override
    public @Nullable Outcome step(EngineSweep sweep, B batch, double lr) {
      double rows = sweep.rows(batch);
      if (rows == 0 || sweep.replay(batch, part)) {
        return sweep.finish(lr, part);
      }
      Tensor loss = computed(sweep, batch);
      return loss == null ? null : sweep.step(loss, lr, part, rows);
    }

    @Override
    public @Nullable Outcome step(EngineTraining training, B batch) {
      double rows = training.rows(batch);
      if (rows == 0 || training.replay(batch, part)) {
        return found(training.finish());
      }
      Tensor loss = computed(training, batch);
      return loss == null ? null : found(training.step(loss, rows));
    }

    @Override
    public void evaluate(EngineSession session, B batch, DoubleConsumer losses) {
      Tensor loss = loss(session, batch);
      if (loss != null) {
        losses.accept(ModelTensors.number(loss));
      }
    }

    /** The loss of a micro-batch that was not replayed. */
    private @Nullable Tensor computed(EngineSession session, B batch) {
      Tensor loss = null;
      try {
        loss = loss(session, batch);
        return loss;
      } finally {
        if (loss == null) {
          session.abandon(part); // what was recorded of it
        }
      }
    }

    private @Nullable Tensor loss(EngineSession session, B batch) {
      try (Autocast region = session.autocast()) {
        Tensor loss = function.loss(batch);
        if (loss == null && part > 0) {
          throw new IllegalArgumentException(
              "loss %d of a step is null: only the first loss can leave a batch out"
                  .formatted(part + 1));
        }
        if (loss != null && loss.isNull()) {
          throw new IllegalArgumentException(
              "the loss must be one real number, not a closed tensor");
        }
        return loss;
      }
    }
  }
}

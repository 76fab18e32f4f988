package org.lrfinder.engine;

import java.util.Objects;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;

/**
 * Where a micro-batch's loss comes from.
 *
 * @param <B> what a batch is
 */
public sealed interface Objective<B> {
  /**
   * Refuses, before a sweep starts, a network whose losses this cannot compute.
   *
   * @param part the part of the sweep that this is the loss of
   * @throws IllegalArgumentException if it cannot
   */
  void require(SweepSubject.Part part);

  /**
   * Adds the gradients of a micro-batch.
   *
   * @param session a sweep or a training
   * @param batch the micro-batch
   */
  void accumulate(EngineSession session, B batch);

  /**
   * Finishes a step of a sweep with its last micro-batch.
   *
   * @param sweep the sweep
   * @param batch the micro-batch
   * @param lr the swept learning rate of the update
   * @return what the step found
   */
  EngineSweep.Outcome step(EngineSweep sweep, B batch, double lr);

  /**
   * Finishes a step of a training with its last micro-batch.
   *
   * @param training the training
   * @param batch the micro-batch
   * @return the step's mean loss, before the update
   */
  double step(EngineTraining training, B batch);

  /**
   * Computes a loss inside an {@link EvalMode}.
   *
   * @param session a sweep or a training
   * @param batch the batch
   * @return its loss
   */
  double evaluate(EngineSession session, B batch);

  /**
   * The engine forwards the network.
   *
   * @param loss what compares the network's output with the batch's target
   */
  record Native(Loss loss) implements Objective<Batch> {
    /** Creates an objective. */
    public Native {
      Objects.requireNonNull(loss, "loss");
    }

    @Override
    public void require(SweepSubject.Part part) {
      Pointer network = part.script() != null ? part.script() : part.module();
      if (network != null && overridesForward(network)) {
        throw new IllegalArgumentException(
            "%s overrides forward, but the engine forwards its layers natively and would not call it: pass the loss instead, find(network, optimizer, batch -> loss, batches)"
                .formatted(network.getClass().getName()));
      }
    }

    /**
     * {@return whether engines forward it as Java code does: layer by layer, in native code, which
     * calls no method that a class of a user's overrides}
     *
     * @param network any
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
    public void accumulate(EngineSession session, Batch batch) {
      requireOpen(batch);
      session.accumulate(batch, loss);
    }

    @Override
    public EngineSweep.Outcome step(EngineSweep sweep, Batch batch, double lr) {
      requireOpen(batch);
      return sweep.step(batch, loss, lr);
    }

    @Override
    public double step(EngineTraining training, Batch batch) {
      requireOpen(batch);
      return training.step(batch, loss);
    }

    @Override
    public double evaluate(EngineSession session, Batch batch) {
      requireOpen(batch);
      return session.evaluate(batch, loss);
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
   * @param <B> what a batch is
   * @param function does it
   * @param part whose loss it is, if it is one of several
   */
  record Callback<B>(LossFunction<B> function, int part) implements Objective<B> {
    /** Creates an objective. */
    public Callback {
      Objects.requireNonNull(function, "loss");
    }

    /**
     * Creates the objective of a training, or of a sweep with one part.
     *
     * @param function computes the loss
     */
    public Callback(LossFunction<B> function) {
      this(function, 0);
    }

    @Override
    public void require(SweepSubject.Part part) {
      // Whatever it is, the caller forwards it.
    }

    @Override
    public void accumulate(EngineSession session, B batch) {
      Tensor loss = loss(session, batch);
      if (session instanceof EngineSweep sweep) {
        sweep.accumulate(loss, part);
      } else {
        session.accumulate(loss);
      }
    }

    @Override
    public EngineSweep.Outcome step(EngineSweep sweep, B batch, double lr) {
      return sweep.step(loss(sweep, batch), lr, part);
    }

    @Override
    public double step(EngineTraining training, B batch) {
      return training.step(loss(training, batch));
    }

    @Override
    public double evaluate(EngineSession session, B batch) {
      Tensor loss = loss(session, batch);
      if (loss.numel() != 1) {
        throw new IllegalArgumentException(
            "the loss must be one real number, not a tensor of " + loss.numel() + " elements");
      }
      return loss.item_double();
    }

    private Tensor loss(EngineSession session, B batch) {
      try (Autocast region = session.autocast()) {
        Tensor loss = function.loss(batch);
        if (loss == null || loss.isNull()) {
          throw new IllegalArgumentException(
              "the loss must be one real number, not null or a closed tensor");
        }
        return loss;
      }
    }
  }
}

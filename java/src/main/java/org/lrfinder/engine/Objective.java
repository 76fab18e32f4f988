package org.lrfinder.engine;

import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;

/** Where a micro-batch's loss comes from. */
public sealed interface Objective {
  /**
   * Adds the gradients of a micro-batch.
   *
   * @param session a sweep or a training
   * @param batch the micro-batch
   */
  void accumulate(EngineSession session, Batch batch);

  /**
   * Finishes a step of a sweep with its last micro-batch.
   *
   * @param sweep the sweep
   * @param batch the micro-batch
   * @param lr the swept learning rate of the update
   * @return what the step found
   */
  EngineSweep.Outcome step(EngineSweep sweep, Batch batch, double lr);

  /**
   * Finishes a step of a training with its last micro-batch.
   *
   * @param training the training
   * @param batch the micro-batch
   * @return the step's mean loss, before the update
   */
  double step(EngineTraining training, Batch batch);

  /**
   * Computes a loss inside an {@link EvalMode}.
   *
   * @param session a sweep or a training
   * @param batch the batch
   * @return its loss
   */
  double evaluate(EngineSession session, Batch batch);

  /**
   * The engine forwards the network.
   *
   * @param loss what compares the network's output with the batch's target
   */
  record Native(Loss loss) implements Objective {
    /** Creates an objective. */
    public Native {
      Objects.requireNonNull(loss, "loss");
    }

    @Override
    public void accumulate(EngineSession session, Batch batch) {
      session.accumulate(batch, loss);
    }

    @Override
    public EngineSweep.Outcome step(EngineSweep sweep, Batch batch, double lr) {
      return sweep.step(batch, loss, lr);
    }

    @Override
    public double step(EngineTraining training, Batch batch) {
      return training.step(batch, loss);
    }

    @Override
    public double evaluate(EngineSession session, Batch batch) {
      return session.evaluate(batch, loss);
    }
  }

  /**
   * The caller computes the loss.
   *
   * @param function does it
   */
  record Callback(LossFunction function) implements Objective {
    /** Creates an objective. */
    public Callback {
      Objects.requireNonNull(function, "loss");
    }

    @Override
    public void accumulate(EngineSession session, Batch batch) {
      session.accumulate(loss(session, batch));
    }

    @Override
    public EngineSweep.Outcome step(EngineSweep sweep, Batch batch, double lr) {
      return sweep.step(loss(sweep, batch), lr);
    }

    @Override
    public double step(EngineTraining training, Batch batch) {
      return training.step(loss(training, batch));
    }

    @Override
    public double evaluate(EngineSession session, Batch batch) {
      Tensor loss = loss(session, batch);
      if (loss.numel() != 1) {
        throw new IllegalArgumentException(
            "the loss must be one real number, not a tensor of " + loss.numel() + " elements");
      }
      return loss.item_double();
    }

    private Tensor loss(EngineSession session, Batch batch) {
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

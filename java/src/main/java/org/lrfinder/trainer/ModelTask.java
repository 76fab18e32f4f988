package org.lrfinder.trainer;

import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;

/**
 * A model with its data: the one place that knows whether a built-in loss or the model's own steps
 * compute its losses, for sweeps and trainings alike.
 *
 * @param network the model's
 * @param attribute where its learning rate is set; null where none is
 */
record ModelTask<B>(
    TrainableModel<B> model,
    Module network,
    Data<B> data,
    @Nullable LearningRateAttribute attribute) {
  /**
   * Combines a model with its data.
   *
   * @throws IllegalArgumentException if it has a built-in loss, but no network that engines forward
   */
  static <B> ModelTask<B> of(
      TrainableModel<B> model, Data<B> data, @Nullable LearningRateAttribute attribute) {
    Module network = Objects.requireNonNull(model.module(), "module() returned null");
    if (builtInLoss(model).isPresent() && !Objective.Native.forwards(network)) {
      throw new IllegalArgumentException(
          "%s has a loss(), which forwards the layers of a SequentialImpl natively, but its module() is a %s, whose own forward it would not call: override trainingStep(batch) instead"
              .formatted(model.getClass().getName(), network.getClass().getName()));
    }
    return new ModelTask<>(model, network, data, attribute);
  }

  private static Optional<Loss> builtInLoss(TrainableModel<?> model) {
    return model instanceof Model ofBatches ? ofBatches.loss() : Optional.empty();
  }

  /** A sweep of the model as it is trained, validated if there is something to validate it on. */
  @SuppressWarnings("unchecked") // a Model's batches are of type Batch
  SweepTask<B> sweep(Optimizer optimizer) {
    Iterable<B> validation = data.validation();
    Optional<Loss> loss = builtInLoss(model);
    if (loss.isPresent()) {
      SweepTask<B> task =
          (SweepTask<B>)
              SweepTask.of(
                  (SequentialImpl) network, optimizer, loss.get(), (Iterable<Batch>) data.train());
      return validation == null ? task : task.validatedOn(validation);
    }
    SweepTask<B> task = SweepTask.of(network, optimizer, model::trainingStep, data.train());
    return validation == null ? task : task.validatedOn(model::validationStep, validation);
  }

  Objective<B> training() {
    return objective(model::trainingStep);
  }

  Objective<B> validation() {
    return objective(model::validationStep);
  }

  @SuppressWarnings("unchecked") // a Model's batches are of type Batch
  private Objective<B> objective(LossFunction<B> own) {
    return builtInLoss(model)
        .map(loss -> (Objective<B>) new Objective.Native(loss))
        .orElseGet(() -> new Objective.Callback<>(own));
  }

  Map<String, @Nullable Object> hyperparameters() {
    return Hyperparameters.of(model, attribute);
  }
}

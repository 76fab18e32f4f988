package org.lrfinder.trainer;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.data.BatchWalk;
import org.lrfinder.data.PlacedBatches;
import org.lrfinder.data.RowCutter;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.ModelClaim;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;

/**
 * A model with what it is trained and validated on: the one place that knows whether a built-in
 * loss or the model's own steps compute its losses, for sweeps and trainings alike.
 *
 * @param attribute where its learning rate is set; null where none is
 * @param watched sees every walk of the training batches
 */
record ModelTask<B>(
    TrainableModel<B> model,
    Module network,
    @Nullable LearningRateAttribute attribute,
    Iterable<B> trainBatches,
    @Nullable Iterable<B> validationBatches,
    WatchedBatches<B> watched) {
  /**
   * Combines a model with its own batches, or else those given. Puts it on the device as well.
   *
   * @param device where batches are put if they are of type {@link Batch} or {@link
   *     org.bytedeco.pytorch.Tensor}; null leaves all where it is
   * @param engine cuts the batches of a data set, if it is the one to forward the network
   * @throws IllegalArgumentException if there are no training batches, there is no such device, or
   *     the model has a built-in loss, but no network that engines forward
   */
  static <B> ModelTask<B> of(
      TrainableModel<B> model,
      @Nullable LearningRateAttribute attribute,
      @Nullable Iterable<B> train,
      @Nullable Iterable<B> validation,
      @Nullable String device,
      EngineChoice engine) {
    Iterable<B> ownTrain = model.trainBatches();
    Iterable<B> ownValidation = model.validationBatches();
    Iterable<B> chosen = ownTrain != null ? ownTrain : train;
    if (chosen == null) {
      throw new IllegalArgumentException(
          "there is no training data: %s has no trainBatches(), and none were given"
              .formatted(model.getClass().getName()));
    }
    Iterable<B> held = ownValidation != null ? ownValidation : validation;
    Module network = Objects.requireNonNull(model.module(), "module() returned null");
    if (device != null) {
      place(network, device);
    }
    if (builtInLoss(model).isPresent() && !Objective.Native.forwards(network)) {
      throw new IllegalArgumentException(
          "%s has a loss(), which forwards the layers of a SequentialImpl natively, but its module() is a %s, whose own forward it would not call: override trainingStep(batch) instead"
              .formatted(model.getClass().getName(), network.getClass().getName()));
    }
    RowCutter.Factory cutters =
        Engines.cutters(engine, List.of(objective(model, model::trainingStep)));
    WatchedBatches<B> watched = new WatchedBatches<>(chosen, cutters);
    return new ModelTask<>(
        model,
        network,
        attribute,
        PlacedBatches.on(device, watched.iterable()),
        held == null
            ? null
            : PlacedBatches.on(
                device, WatchedBatches.byEpochs(epoch -> new BatchWalk<>(held, epoch, cutters))),
        watched);
  }

  private static void place(Module network, String device) {
    Devices.requirePresent(device);
    try (ModelClaim claim = ModelClaim.ofTraining(network);
        PointerScope scope = new PointerScope()) {
      network.to(Devices.of(device), false);
    }
  }

  private static Optional<Loss> builtInLoss(TrainableModel<?> model) {
    return model instanceof Model ofBatches ? ofBatches.loss() : Optional.empty();
  }

  /** A sweep of the model as it is trained, validated if there is something to validate it on. */
  SweepTask<B> sweep(Optimizer optimizer) {
    SweepTask<B> task = validated(optimizer);
    return model.declaredStatic() ? task.declaredStatic() : task;
  }

  @SuppressWarnings("unchecked") // a Model's batches are of type Batch
  private SweepTask<B> validated(Optimizer optimizer) {
    Optional<Loss> loss = builtInLoss(model);
    if (loss.isPresent()) {
      SweepTask<B> task =
          (SweepTask<B>)
              SweepTask.of(
                  (SequentialImpl) network, optimizer, loss.get(), (Iterable<Batch>) trainBatches);
      return validationBatches == null ? task : task.validatedOn(validationBatches);
    }
    SweepTask<B> task = SweepTask.of(network, optimizer, model::trainingStep, trainBatches);
    return validationBatches == null
        ? task
        : task.validatedOn(model::validationStep, validationBatches);
  }

  Objective<B> training() {
    return objective(model, model::trainingStep);
  }

  Objective<B> validation() {
    return objective(model, model::validationStep);
  }

  @SuppressWarnings("unchecked") // a Model's batches are of type Batch
  private static <B> Objective<B> objective(TrainableModel<B> model, LossFunction<B> own) {
    return builtInLoss(model)
        .map(loss -> (Objective<B>) new Objective.Native(loss))
        .orElseGet(() -> new Objective.Callback<>(own));
  }

  Map<String, @Nullable Object> hyperparameters() {
    return Hyperparameters.of(model, attribute);
  }
}

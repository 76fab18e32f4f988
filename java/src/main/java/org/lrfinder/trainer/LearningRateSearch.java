package org.lrfinder.trainer;

import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;

/** Sweeps a model as a training would train it. */
final class LearningRateSearch {
  private final TrainerSettings settings;
  private final Console console;

  LearningRateSearch(TrainerSettings settings, Console console) {
    this.settings = settings;
    this.console = console;
  }

  /**
   * Sweeps.
   *
   * @param finder null for the trainer's own, or else one with Lightning's defaults, retries, and
   *     the trainer's accumulation, clipping, precision and engine
   * @param stopped ends the sweep, unless the finder is the user's
   */
  <B> LrFinderResult find(
      TrainableModel<B> model,
      Optimizer optimizer,
      Data<B> data,
      @Nullable LrFinder finder,
      BooleanSupplier stopped) {
    LrFinder given = finder != null ? finder : settings.finder();
    if (given != null) {
      return sweep(given, model, optimizer, data);
    }
    LrFinder.Builder builder =
        LrFinder.builder()
            .accumulateGradBatches(settings.steps().accumulateGradBatches())
            .gradientClipNorm(settings.steps().gradientClipNorm())
            .precision(settings.steps().precision())
            .threads(settings.steps().threads())
            .engine(settings.engine())
            .autoRange(settings.lrFindRetries())
            .autoSteps(settings.lrFindRetries())
            .cancelIf(stopped);
    try (Console.Bar bar =
        console.bar("finding a learning rate", builder.build().settings().steps())) {
      if (bar != null) {
        builder.listener(step -> bar.stepTo(step.index() + 1L, step.steps()));
      }
      return sweep(builder.build(), model, optimizer, data);
    }
  }

  @SuppressWarnings("unchecked") // a Model's batches are of type Batch
  private static <B> LrFinderResult sweep(
      LrFinder finder, TrainableModel<B> model, Optimizer optimizer, Data<B> data) {
    Optional<Loss> loss = builtInLoss(model);
    if (loss.isPresent()) {
      SequentialImpl network = (SequentialImpl) model.module();
      Data<Batch> batches = (Data<Batch>) data;
      Iterable<Batch> validation = batches.validation();
      return validation == null
          ? finder.find(network, optimizer, loss.get(), batches.train())
          : finder.find(network, optimizer, loss.get(), batches.train(), validation);
    }
    Module network = model.module();
    Iterable<B> validation = data.validation();
    return validation == null
        ? finder.find(network, optimizer, model::trainingStep, data.train())
        : finder.find(
            network,
            optimizer,
            model::trainingStep,
            data.train(),
            model::validationStep,
            validation);
  }

  static Optional<Loss> builtInLoss(TrainableModel<?> model) {
    return model instanceof Model ofBatches ? ofBatches.loss() : Optional.empty();
  }
}

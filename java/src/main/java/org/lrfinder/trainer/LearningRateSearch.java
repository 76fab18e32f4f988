package org.lrfinder.trainer;

import java.util.Optional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.Batch;
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
   * @param finder null for the trainer's own, or else one with Lightning's defaults and the
   *     trainer's accumulation, clipping, precision and engine
   */
  LrFinderResult find(Model model, Optimizer optimizer, Data data, @Nullable LrFinder finder) {
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
            .engine(settings.engine());
    try (Console.Bar bar =
        console.bar("finding a learning rate", builder.build().settings().steps())) {
      if (bar != null) {
        builder.listener(step -> bar.stepTo(step.index() + 1L));
      }
      return sweep(builder.build(), model, optimizer, data);
    }
  }

  private static LrFinderResult sweep(
      LrFinder finder, Model model, Optimizer optimizer, Data data) {
    Optional<Loss> loss = model.loss();
    Iterable<Batch> validation = data.validation();
    if (loss.isPresent()) {
      SequentialImpl network = (SequentialImpl) model.module();
      return validation == null
          ? finder.find(network, optimizer, loss.get(), data.train())
          : finder.find(network, optimizer, loss.get(), data.train(), validation);
    }
    Module network = model.module();
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
}

package org.lrfinder.trainer;

import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;

/** Sweeps a model as a training would train it. */
record LearningRateSearch(TrainerSettings settings, Console console) {
  /**
   * Sweeps.
   *
   * @param finder null for the trainer's own, or else one with Lightning's defaults, retries, and
   *     the trainer's settings of a step and engine
   * @param stopped ends the sweep, unless the finder is the user's
   */
  LrFinderResult find(
      ModelTask<?> task, Optimizer optimizer, @Nullable LrFinder finder, BooleanSupplier stopped) {
    SweepTask<?> alone = task.sweep(optimizer);
    SweepTask<?> sweep = settings.group() == null ? alone : alone.across(settings.group());
    LrFinder given = finder != null ? finder : settings.finder();
    if (given != null) {
      return given.find(sweep);
    }
    LrFinder.Builder builder =
        LrFinder.builder()
            .step(settings.step())
            .engine(settings.engine())
            .autoRange(settings.lrFindRetries())
            .autoSteps(settings.lrFindRetries())
            .cancelIf(stopped);
    try (Console.Bar bar =
        console.bar("finding a learning rate", builder.build().settings().steps())) {
      if (bar != null) {
        builder.listener(step -> bar.stepTo(step.index() + 1L, step.steps()));
      }
      return builder.build().find(sweep);
    }
  }
}

package org.lrfinder.trainer;

import java.util.Objects;
import org.bytedeco.pytorch.LRScheduler;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.ReduceLROnPlateauScheduler;
import org.jspecify.annotations.Nullable;

/** What a model makes anew each time: its optimizer, and what moves that one's learning rates. */
record ConfiguredOptimizer(
    Optimizer optimizer,
    @Nullable LRScheduler scheduler,
    @Nullable ReduceLROnPlateauScheduler plateau) {
  static ConfiguredOptimizer by(TrainableModel<?> model) {
    Optimizer optimizer =
        Objects.requireNonNull(model.configureOptimizers(), "configureOptimizers() returned null");
    if (optimizer.isNull()) {
      throw new IllegalArgumentException(
          "configureOptimizers() returned an optimizer that was closed");
    }
    return new ConfiguredOptimizer(
        optimizer, model.configureScheduler(optimizer), model.configurePlateauScheduler(optimizer));
  }

  void epochDone(double loss) {
    if (scheduler != null) {
      scheduler.step();
    }
    if (plateau != null) {
      plateau.step((float) loss);
    }
  }

  boolean movesRates() {
    return scheduler != null || plateau != null;
  }

  double largestLr() {
    try (OptimizerRates rates = new OptimizerRates(optimizer)) {
      return rates.largest();
    }
  }
}

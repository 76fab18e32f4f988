package org.lrfinder.cli;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.internal.models.Network;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.Loss;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;

/** The training of the demo's network at one rate. */
record Training(Network network, OptimizerKind optimizer, double lr, TensorBatches trainBatches)
    implements Model {
  @Override
  public Module module() {
    return network.module();
  }

  @Override
  public Optimizer configureOptimizers() {
    return optimizer.over(module().parameters(), lr, Map.of());
  }

  @Override
  public Optional<Loss> loss() {
    return Optional.of(Loss.CROSS_ENTROPY);
  }

  /** Trains until done or interrupted. */
  double accuracyAfter(int epochs, Batch validation) {
    Trainer.builder()
        .maxEpochs(epochs)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()))
        .build()
        .fit(this);
    try (PointerScope scope = new PointerScope()) {
      NoGradGuard noGrad = new NoGradGuard();
      Tensor predicted =
          network.module().forward(validation.input()).argmax(new LongOptional(1), false);
      return predicted.eq(validation.target()).sum().item_double() / validation.target().numel();
    }
  }
}

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
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.internal.models.Network;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.Loss;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;

/** The demo's training: three quarters of the rows train, the rest validate. */
final class Training implements AutoCloseable {
  private final Tensor inputs;
  private final Tensor targets;
  private final Tensor validationInputs;
  private final Tensor validationTargets;

  Training(DataSet data, long seed) {
    int train = data.rows() * 3 / 4;
    try (PointerScope scope = new PointerScope()) {
      torch.manual_seed(seed);
      Tensor order = torch.randperm(data.rows());
      Tensor first = order.narrow(0, 0, train);
      Tensor rest = order.narrow(0, train, data.rows() - train);
      inputs = data.inputs().index_select(0, first);
      targets = data.targets().index_select(0, first);
      validationInputs = data.inputs().index_select(0, rest);
      validationTargets = data.targets().index_select(0, rest);
      inputs.retainReference(); // these outlive the scope, until close()
      targets.retainReference();
      validationInputs.retainReference();
      validationTargets.retainReference();
    }
  }

  Tensor inputs() {
    return inputs;
  }

  Tensor targets() {
    return targets;
  }

  /** The demo's network at one rate. */
  private record Trained(
      Network network, OptimizerKind optimizer, double lr, TensorBatches trainBatches)
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
  }

  /** Trains until done or interrupted. */
  double accuracyAfter(
      int epochs, Network network, OptimizerKind optimizer, double lr, TensorBatches batches) {
    Trainer.builder()
        .maxEpochs(epochs)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()))
        .build()
        .fit(new Trained(network, optimizer, lr, batches));
    try (PointerScope scope = new PointerScope()) {
      NoGradGuard noGrad = new NoGradGuard();
      Tensor predicted =
          network.module().forward(validationInputs).argmax(new LongOptional(1), false);
      return predicted.eq(validationTargets).sum().item_double() / validationTargets.numel();
    }
  }

  @Override
  public void close() {
    inputs.close();
    targets.close();
    validationInputs.close();
    validationTargets.close();
  }
}

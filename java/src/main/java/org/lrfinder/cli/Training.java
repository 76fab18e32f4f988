package org.lrfinder.cli;

import java.util.Iterator;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.TensorBatches;

/** A plain training loop for the demo: three quarters of the rows train, the rest validate. */
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

  /** Trains until done or interrupted. */
  double accuracyAfter(int epochs, Network network, Optimizer optimizer, TensorBatches batches) {
    for (int epoch = 0; epoch < epochs; epoch++) {
      for (Iterator<Batch> walk = batches.epoch(epoch);
          walk.hasNext() && !Thread.currentThread().isInterrupted(); ) {
        Batch batch = walk.next();
        try (PointerScope scope = new PointerScope()) {
          optimizer.zero_grad();
          torch
              .cross_entropy_loss(network.module().forward(batch.input()), batch.target())
              .backward();
          optimizer.step();
        }
      }
    }
    try (PointerScope scope = new PointerScope()) {
      NoGradGuard noGrad = new NoGradGuard();
      Tensor predicted =
          network
              .module()
              .forward(validationInputs)
              .argmax(new org.bytedeco.pytorch.LongOptional(1), false);
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

package org.lrfinder.trainer;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;

/**
 * A model whose batches are a tensor of inputs and one of targets: a network, its optimizer, and
 * either a built-in loss or a training step of its own.
 *
 * <pre>{@code
 * class Digits implements Model {
 *   double lr = 1e-3;
 *   final SequentialImpl network = ...;
 *
 *   public SequentialImpl module() { return network; }
 *   public Optional<Loss> loss() { return Optional.of(Loss.CROSS_ENTROPY); }
 *   public Optimizer configureOptimizers() { return new Adam(network.parameters(), new AdamOptions(lr)); }
 * }
 * }</pre>
 *
 * <p>With batches of another type, it is a {@link TrainableModel}.
 */
public interface Model extends TrainableModel<Batch> {
  /**
   * Names a built-in loss. With one, {@link #module} must be a {@code SequentialImpl}: it is
   * forwarded natively, one crossing from Java for each micro-batch, and {@link #trainingStep} and
   * {@link #validationStep} are not called.
   *
   * @return empty by default
   */
  default Optional<Loss> loss() {
    return Optional.empty();
  }

  /**
   * Forwards the network and computes the loss; no backward pass, no update. To be overridden where
   * {@link #loss} is empty.
   *
   * @param batch a micro-batch
   * @return one real number that depends on the parameters; null leaves the batch out
   */
  @Override
  default @Nullable Tensor trainingStep(Batch batch) {
    throw new UnsupportedOperationException(
        "%s needs a loss() or a trainingStep(batch)".formatted(getClass().getName()));
  }
}

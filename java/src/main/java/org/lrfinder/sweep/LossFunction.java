package org.lrfinder.sweep;

import org.bytedeco.pytorch.Tensor;

/**
 * Computes a training loss in Java, for networks, losses and batches that the engines do not know:
 * forward pass and loss, no backward pass, no update.
 *
 * <p>It runs on the thread of the sweep, outside any {@link org.bytedeco.javacpp.PointerScope} of
 * the library, so that what it keeps stays valid. Tensors that it makes and does not keep are best
 * closed by a scope of its own. What it throws ends the sweep, restores the model and reaches the
 * caller unchanged.
 *
 * @param <B> what a batch is: a {@link Batch}, an {@code ExampleVector} of the presets, a map, a
 *     tuple, anything
 */
@FunctionalInterface
public interface LossFunction<B> {
  /**
   * Computes the loss of a batch.
   *
   * @param batch the micro-batch
   * @return one real number that depends on the parameters; it stays the caller's
   */
  Tensor loss(B batch);
}

package org.lrfinder.sweep;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;

/**
 * Computes a training loss in Java, for networks, losses and batches that the engines do not know:
 * forward pass and loss, no backward pass, no update.
 *
 * <p>It may leave a batch out by returning null, as Lightning's {@code training_step} does by
 * returning {@code None}: one without words or boxes, say. Nothing is updated then, and the next
 * batch is drawn at the same rate; of a step of several micro-batches it is not one.
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
   * @return one real number that depends on the parameters; it stays the caller's. Null leaves this
   *     batch out
   */
  @Nullable Tensor loss(B batch);
}

package org.lrfinder.data;

import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.sweep.Loss;

/**
 * One micro-batch. The library reads the tensors and never closes them: whoever made them does.
 *
 * @param input what the network is given; its first dimension runs over the examples
 * @param target what the loss compares the network's output with: for {@link Loss#CROSS_ENTROPY}
 *     class indices of shape {@code [n]} and type Long, or class probabilities of the output's
 *     shape; for the other losses numbers of the output's shape
 */
public record Batch(Tensor input, Tensor target) {
  /**
   * Creates a batch.
   *
   * @throws NullPointerException if a tensor is null
   */
  public Batch {
    Objects.requireNonNull(input, "input");
    Objects.requireNonNull(target, "target");
  }
}

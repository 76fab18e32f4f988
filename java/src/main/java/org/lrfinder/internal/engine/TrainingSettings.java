package org.lrfinder.internal.engine;

import java.util.Objects;
import org.lrfinder.sweep.Precision;

/**
 * How a training makes its steps.
 *
 * @param accumulateGradBatches micro-batches in one optimizer step, at most; at least 1
 * @param gradientClipNorm total norm that the averaged gradients are clipped to, greater than 0;
 *     infinity leaves them alone
 * @param precision of the forward passes
 * @param threads CPU threads of libtorch and BLAS meanwhile, at least 1; 0 lets the engine choose
 */
public record TrainingSettings(
    int accumulateGradBatches, double gradientClipNorm, Precision precision, int threads) {
  /**
   * Checks the settings.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  public TrainingSettings {
    Objects.requireNonNull(precision, "precision");
    if (accumulateGradBatches < 1) {
      throw new IllegalArgumentException(
          "accumulateGradBatches is " + accumulateGradBatches + ", but must be at least 1");
    }
    if (!(gradientClipNorm > 0)) {
      throw new IllegalArgumentException(
          "gradientClipNorm is " + gradientClipNorm + ", but must be greater than 0");
    }
    if (threads < 0) {
      throw new IllegalArgumentException(
          "threads is " + threads + ", but must be at least 1, or 0 to let the engine choose");
    }
  }
}

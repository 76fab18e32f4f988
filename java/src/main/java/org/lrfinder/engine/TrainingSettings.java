package org.lrfinder.engine;

import java.util.Objects;
import org.lrfinder.sweep.Precision;

/**
 * How a training makes its steps.
 *
 * @param accumulateGradBatches micro-batches in one optimizer step, at most; at least 1
 * @param gradientClipNorm total norm that the averaged gradients are clipped to, greater than 0;
 *     infinity leaves them alone
 * @param precision of the forward passes
 */
public record TrainingSettings(
    int accumulateGradBatches, double gradientClipNorm, Precision precision) {
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
  }
}

package org.lrfinder.trainer;

import org.lrfinder.LrFinderResult;

/**
 * Hears of a training, on its thread. What it throws ends the training and reaches the caller
 * unchanged. It may call {@link Trainer#saveCheckpoint} and {@link Trainer#lrFind}.
 */
public interface TrainerListener {
  /**
   * Called after a learning rate was found, and before it is used.
   *
   * @param found by the sweep; with or without a suggestion
   */
  default void onLearningRateFound(LrFinderResult found) {}

  /**
   * Called after each optimizer step.
   *
   * @param step what was done
   */
  default void onStep(TrainingStep step) {}

  /**
   * Called after each epoch, its validation and the scheduler's step.
   *
   * @param epoch what was done
   */
  default void onEpochEnd(TrainingEpoch epoch) {}
}

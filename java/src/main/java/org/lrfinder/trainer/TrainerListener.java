package org.lrfinder.trainer;

import org.lrfinder.LrFinderResult;

/**
 * Hears of a training, on its thread. What it throws ends the training and reaches the caller
 * unchanged. It may call {@link Trainer#saveCheckpoint}, {@link Trainer#lrFind} and {@link
 * Trainer#stop}; {@link Trainer#restore} in {@link #onEpochEnd} alone; {@link Trainer#fit} never.
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
   * Called after each epoch, its validation and the scheduler's step. What {@link Trainer#restore}
   * brings back here, the training goes on with.
   *
   * @param epoch what was done
   */
  default void onEpochEnd(TrainingEpoch epoch) {}
}

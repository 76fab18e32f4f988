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
   * Called after each optimizer step, in their order. On the CPU, and by the portable engine,
   * before the next one begins. Otherwise, on a device, the training does not wait for losses: this
   * is called up to four steps late, and of an epoch's last steps before its validation. {@link
   * Trainer#stop} then ends the training those steps later, and a checkpoint has them.
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

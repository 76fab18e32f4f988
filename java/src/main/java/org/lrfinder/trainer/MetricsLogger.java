package org.lrfinder.trainer;

import java.util.Map;
import java.util.OptionalDouble;

/**
 * Keeps what a training says of itself. Called on the thread of the training; what it throws ends
 * the training.
 */
public interface MetricsLogger {
  /** Keeps nothing. */
  MetricsLogger NONE =
      new MetricsLogger() {
        @Override
        public void hyperparameters(Map<String, Object> values) {}

        @Override
        public void metrics(Metrics row) {}
      };

  /**
   * A row of metrics.
   *
   * @param epoch from 0
   * @param step optimizer steps done since the training began
   * @param lr the largest learning rate of the optimizer's groups
   * @param trainLoss of a step; empty in a row about an epoch
   * @param epochTrainLoss mean over an epoch's steps; empty in a row about a step
   * @param validationLoss of an epoch; empty in a row about a step, and without validation batches
   */
  record Metrics(
      long epoch,
      long step,
      double lr,
      OptionalDouble trainLoss,
      OptionalDouble epochTrainLoss,
      OptionalDouble validationLoss) {}

  /**
   * Called before the first batch is drawn, once a training without batches or with an optimizer
   * that cannot be trained was refused; and again whenever a learning rate was found.
   *
   * @param values by name: numbers, booleans, texts, nulls, and lists and maps of these
   */
  void hyperparameters(Map<String, Object> values);

  /**
   * Called after every {@code logEverySteps}-th step and after each epoch.
   *
   * @param row what is to be kept
   */
  void metrics(Metrics row);

  /** Called when a training ends, however it does. Does nothing unless overridden. */
  default void end() {}
}

package org.lrfinder.trainer;

/**
 * How far a training is.
 *
 * @param epoch the present epoch, from 0
 * @param step optimizer steps done
 * @param batches micro-batches of the present epoch that went into them
 */
record TrainingProgress(long epoch, long step, long batches) {
  static final TrainingProgress START = new TrainingProgress(0, 0, 0);

  TrainingProgress nextStep(int microBatches) {
    return new TrainingProgress(epoch, step + 1, batches + microBatches);
  }

  TrainingProgress nextEpoch() {
    return new TrainingProgress(epoch + 1, step, 0);
  }
}

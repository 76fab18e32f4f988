package org.lrfinder.trainer;

/**
 * How far a training is.
 *
 * @param epoch the present epoch, from 0
 * @param step optimizer steps done
 * @param stepsInEpoch of these, those in the present epoch
 */
record TrainingProgress(long epoch, long step, long stepsInEpoch) {
  static final TrainingProgress START = new TrainingProgress(0, 0, 0);

  TrainingProgress nextStep() {
    return new TrainingProgress(epoch, step + 1, stepsInEpoch + 1);
  }

  TrainingProgress nextEpoch() {
    return new TrainingProgress(epoch + 1, step, 0);
  }
}

package org.lrfinder.trainer;

/**
 * How far a training is.
 *
 * @param epoch the present epoch, from 0
 * @param step optimizer steps done
 * @param batches micro-batches of the present epoch that were drawn for them
 * @param epochSteps those of the steps that belong to the present epoch
 * @param lossSum of these steps' losses
 */
record TrainingProgress(long epoch, long step, long batches, long epochSteps, double lossSum) {
  static final TrainingProgress START = new TrainingProgress(0, 0, 0, 0, 0);

  TrainingProgress nextStep(int microBatches, double loss) {
    return new TrainingProgress(
        epoch, step + 1, batches + microBatches, epochSteps + 1, lossSum + loss);
  }

  TrainingProgress nextEpoch() {
    return new TrainingProgress(epoch + 1, step, 0, 0, 0);
  }

  /** Of the present epoch's steps; NaN if there are none yet. */
  double trainLoss() {
    return lossSum / epochSteps;
  }
}

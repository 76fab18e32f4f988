package org.lrfinder.trainer;

import com.fasterxml.jackson.annotation.JsonAutoDetect;

/** How far a training is, from its start on. Changed in place, so that a step makes no object. */
@JsonAutoDetect(
    fieldVisibility = JsonAutoDetect.Visibility.ANY,
    isGetterVisibility = JsonAutoDetect.Visibility.NONE) // as a checkpoint has it
final class TrainingProgress {
  private long epoch;
  private long step;
  private long batches;
  private long epochSteps;
  private double lossSum;

  /** The present epoch, from 0. */
  long epoch() {
    return epoch;
  }

  /** Optimizer steps done. */
  long step() {
    return step;
  }

  /** Micro-batches of the present epoch that were drawn for them. */
  long batches() {
    return batches;
  }

  /** Those of the steps that belong to the present epoch. */
  long epochSteps() {
    return epochSteps;
  }

  /** Of these steps' losses. */
  double lossSum() {
    return lossSum;
  }

  /** Of the present epoch's steps, once the losses of all are known; NaN if there are none yet. */
  double trainLoss() {
    return lossSum / epochSteps;
  }

  /** Whether a training can have come as far, which a file may say of one. */
  boolean isValid() {
    return Math.min(Math.min(epoch, step), Math.min(batches, epochSteps)) >= 0;
  }

  /** A step was done; its loss may become known later. */
  void nextStep(int microBatches) {
    step++;
    batches += microBatches;
    epochSteps++;
  }

  /** The loss of a step that was done became known. */
  void lossKnown(double loss) {
    lossSum += loss;
  }

  void nextEpoch() {
    epoch++;
    batches = 0;
    epochSteps = 0;
    lossSum = 0;
  }
}

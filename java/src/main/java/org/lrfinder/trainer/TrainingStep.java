package org.lrfinder.trainer;

/**
 * One optimizer step of a running training.
 *
 * @param epoch from 0
 * @param step optimizer steps done, this one included, since the training began
 * @param lr the largest learning rate of the optimizer's groups in this step
 * @param loss before the update, averaged over the step's micro-batches
 */
public record TrainingStep(long epoch, long step, double lr, double loss) {}

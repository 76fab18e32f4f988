package org.lrfinder.trainer;

import java.util.OptionalDouble;

/**
 * An epoch that has ended.
 *
 * @param epoch from 0
 * @param step optimizer steps done since the training began
 * @param lr the largest learning rate of the optimizer's groups in the epoch's last step
 * @param trainLoss mean loss of the epoch's steps; NaN if it had none
 * @param validationLoss mean loss of the validation batches; empty without them
 */
public record TrainingEpoch(
    long epoch, long step, double lr, double trainLoss, OptionalDouble validationLoss) {}

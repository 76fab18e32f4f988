package org.lrfinder.sweep;

/**
 * One recorded step of a running sweep.
 *
 * @param index which step, from 0
 * @param steps how many the sweep has
 * @param lr learning rate of the step's update
 * @param loss loss before that update, averaged over the step's micro-batches
 * @param smoothedLoss running loss
 * @param bestLoss lowest running loss so far; in the first tenth of the steps, and at least in the
 *     first five, the present one
 */
public record SweepStep(
    int index, int steps, double lr, double loss, double smoothedLoss, double bestLoss) {}

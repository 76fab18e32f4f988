package org.lrfinder.sweep;

/**
 * A parameter group's own start and end, in place of those of the sweep.
 *
 * @param group which group, from 0, through all optimizers in their order
 * @param minLr its learning rate where the swept one is the sweep's {@code minLr}; greater than 0
 *     when exponential, at least 0 when linear
 * @param maxLr its learning rate where the swept one is the sweep's {@code maxLr}; finite and
 *     greater than {@code minLr}
 */
public record GroupRange(int group, double minLr, double maxLr) {}

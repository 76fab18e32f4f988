package org.lrfinder.benchmarks.speed;

/**
 * What a sweep or a training took.
 *
 * @param micros microseconds, all in all
 * @param losses as many as there were steps, or nearly: some finders record one more or less
 */
record Timed(double micros, double[] losses) {}

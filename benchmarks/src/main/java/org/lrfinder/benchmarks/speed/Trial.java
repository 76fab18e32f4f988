package org.lrfinder.benchmarks.speed;

import java.util.function.Supplier;

/**
 * What is done once a round.
 *
 * @param subject what the row is about, as in {@link Row}
 * @param x likewise
 * @param contender likewise
 * @param work does it and says how long it took
 */
record Trial(String subject, int x, String contender, Supplier<Timed> work) {}

package org.lrfinder.benchmarks.quality;

import java.util.OptionalDouble;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Status;

/**
 * What a finder said after one search. Rates that it did not say are NaN.
 *
 * @param steps it was asked to take; 0 if it chose for itself
 * @param spent steps that it took
 * @param status OK of those that have none
 * @param lr what the rule said, whatever the status
 * @param low where the interval begins
 * @param high where it ends
 * @param base of the range for cyclic schedules
 * @param max of that range
 * @param stable the largest stable rate
 * @param micros that it took
 */
record Run(
    String finder,
    int steps,
    long seed,
    int spent,
    Status status,
    double lr,
    double low,
    double high,
    double base,
    double max,
    double stable,
    double micros) {

  static Run of(Peer peer, int steps, long seed, double[] losses) {
    double lr = peer.pick(losses, steps).orElse(Double.NaN);
    double none = Double.NaN;
    return new Run(
        peer.name(),
        steps,
        seed,
        peer.spent(losses, steps),
        Status.OK,
        lr,
        none,
        none,
        none,
        none,
        none,
        none);
  }

  static Run of(
      String finder, int steps, long seed, LrFinderResult found, int spent, double micros) {
    return new Run(
        finder,
        steps,
        seed,
        spent,
        found.status(),
        found.suggestions().stream()
            .filter(s -> s.rule().equals(found.rule()))
            .mapToDouble(s -> s.lr())
            .findFirst()
            .orElse(Double.NaN),
        found.suggestion().flatMap(s -> s.interval()).map(i -> i.low()).orElse(Double.NaN),
        found.suggestion().flatMap(s -> s.interval()).map(i -> i.high()).orElse(Double.NaN),
        found.cyclicRange().map(r -> r.base()).orElse(Double.NaN),
        found.cyclicRange().map(r -> r.max()).orElse(Double.NaN),
        found.largestStableLr().orElse(Double.NaN),
        micros);
  }

  boolean ok() {
    return status == Status.OK;
  }

  OptionalDouble rate() {
    return Double.isNaN(lr) ? OptionalDouble.empty() : OptionalDouble.of(lr);
  }

  double regret(Truth truth) {
    return truth.regret(rate());
  }
}

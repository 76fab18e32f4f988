package org.lrfinder.suggestion;

import java.util.Arrays;
import java.util.Collection;

/**
 * How far rules agree on one curve. They fail in different ways, so that agreement is a good sign;
 * but most are known to pick too low, or too high, so that its lack is no bad one.
 *
 * @param rules number of rules that gave a rate
 * @param near how many of them are within a factor of three of the rate compared with
 * @param decades from the lowest rate to the highest
 */
public record Agreement(int rules, int near, double decades) {
  private static final double NEAR_DECADES = Math.log10(3);

  /** Compares what the other rules say, at rates above 0, with what the chosen one does. */
  static Agreement of(Suggestion chosen, Collection<Suggestion> all) {
    double[] logs =
        all.stream()
            .filter(other -> other != chosen && other.lr() > 0)
            .mapToDouble(other -> Math.log10(other.lr()))
            .sorted()
            .toArray();
    double centre = Math.log10(chosen.lr());
    long near =
        Arrays.stream(logs).filter(log -> Math.abs(log - centre) <= NEAR_DECADES + 1e-9).count();
    double decades = logs.length == 0 ? 0 : logs[logs.length - 1] - logs[0];
    return new Agreement(logs.length, (int) near, decades);
  }
}

package org.lrfinder.suggestion;

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
    double centre = Math.log10(chosen.lr());
    int rules = 0;
    int near = 0;
    double lowest = Double.POSITIVE_INFINITY;
    double highest = Double.NEGATIVE_INFINITY;
    for (Suggestion other : all) {
      if (other != chosen && other.lr() > 0) {
        double log = Math.log10(other.lr());
        rules++;
        near += Math.abs(log - centre) <= NEAR_DECADES + 1e-9 ? 1 : 0;
        lowest = Math.min(lowest, log);
        highest = Math.max(highest, log);
      }
    }
    return new Agreement(rules, near, rules == 0 ? 0 : highest - lowest);
  }
}

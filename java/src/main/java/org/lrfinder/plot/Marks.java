package org.lrfinder.plot;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.lrfinder.suggestion.Band;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;

/** What a plot shows beside the curve that was judged. */
record Marks(
    Optional<Suggestion> suggestion,
    Optional<LrRange> range,
    List<Suggestion> rules,
    Optional<Band> band,
    boolean runningLoss) {
  Marks {
    Objects.requireNonNull(suggestion, "suggestion");
    Objects.requireNonNull(range, "range");
    rules = List.copyOf(rules);
    Objects.requireNonNull(band, "band");
  }

  static Marks of(Optional<Suggestion> suggestion) {
    return new Marks(suggestion, Optional.empty(), List.of(), Optional.empty(), false);
  }

  Marks withRange(LrRange newRange) {
    return new Marks(suggestion, Optional.of(newRange), rules, band, runningLoss);
  }

  Marks withRules(List<Suggestion> newRules) {
    return new Marks(suggestion, range, newRules, band, runningLoss);
  }

  Marks withBand(Band newBand) {
    return new Marks(suggestion, range, rules, Optional.of(newBand), runningLoss);
  }

  Marks withRunningLoss() {
    return new Marks(suggestion, range, rules, band, true);
  }
}

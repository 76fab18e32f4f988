package org.lrfinder.plot;

import java.util.List;
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
  static final Marks NONE =
      new Marks(Optional.empty(), Optional.empty(), List.of(), Optional.empty(), false);

  Marks {
    rules = List.copyOf(rules);
  }

  Marks withSuggestion(Suggestion newSuggestion) {
    return new Marks(Optional.of(newSuggestion), range, rules, band, runningLoss);
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

package org.lrfinder.plot;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Band;

/** What a plot marks beside the curve. */
record Marks(
    Optional<Suggestion> suggestion,
    Optional<LrRange> range,
    List<Suggestion> rules,
    Optional<Band> band) {
  Marks {
    Objects.requireNonNull(suggestion, "suggestion");
    Objects.requireNonNull(range, "range");
    rules = List.copyOf(rules);
    Objects.requireNonNull(band, "band");
  }

  static Marks of(Optional<Suggestion> suggestion) {
    return new Marks(suggestion, Optional.empty(), List.of(), Optional.empty());
  }
}

package org.lrfinder;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Pick;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

/** What the rules say of one sweep, and how far to trust it. */
record Answer(
    Status status,
    List<Suggestion> suggestions,
    Optional<LrRange> range,
    OptionalDouble largestStableLr,
    List<String> warnings) {

  static Answer to(
      SweepSettings settings,
      Curve curve,
      EndReason endReason,
      List<GroupRate> groups,
      SuggestionRule chosen) {
    Optional<Descent> descent = Descent.of(curve, settings);
    Status status = Status.of(descent, curve, endReason);
    List<String> warnings = new ArrayList<>();
    if (status != Status.OK) {
      warnings.add(status.words());
    }
    if (curve.size() < settings.steps()
        && (endReason == EndReason.DATA_EXHAUSTED || endReason == EndReason.CANCELLED)) {
      warnings.add(
          "the sweep ended after %d of %d steps: %s"
              .formatted(curve.size(), settings.steps(), endReason.words()));
    }
    Map<String, Suggestion> suggestions = new LinkedHashMap<>();
    for (SuggestionRule rule : sideBySide(chosen)) {
      if (curve.size() == 0) {
        break;
      }
      rule.pick(curve, settings)
          .ifPresent(
              pick -> {
                Pick inside = Pick.within(curve, pick.lr()); // a rule of the user's own may not be
                suggestions.put(
                    rule.name(), Suggestion.of(curve, inside.lr(), groups, rule.name()));
                pick.warning()
                    .or(inside::warning)
                    .ifPresent(words -> warnings.add("rule " + rule.name() + ": " + words));
              });
    }
    if (status == Status.OK && !suggestions.containsKey(chosen.name())) {
      warnings.add("rule " + chosen.name() + " gave no rate: it needs more points");
    }
    Optional<Suggestion> middle =
        Optional.ofNullable(suggestions.get(new MiddleOfFall().name()))
            .filter(s -> status == Status.OK);
    OptionalDouble largestStable =
        middle.isPresent()
            ? descent.stream()
                .mapToDouble(d -> Pick.within(curve, Math.pow(10, d.lowest())).lr())
                .findFirst()
            : OptionalDouble.empty();
    return new Answer(
        status,
        List.copyOf(suggestions.values()),
        middle.map(s -> LrRange.around(s.lr())),
        largestStable,
        warnings);
  }

  /** The chosen rule first, in place of the library's of the same name. */
  private static List<SuggestionRule> sideBySide(SuggestionRule chosen) {
    List<SuggestionRule> rules = new ArrayList<>(List.of(chosen));
    SuggestionRules.all().stream()
        .filter(rule -> !rule.name().equals(chosen.name()))
        .forEach(rules::add);
    return rules;
  }
}

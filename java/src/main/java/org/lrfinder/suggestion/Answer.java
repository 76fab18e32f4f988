package org.lrfinder.suggestion;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

/** What the rules say of one sweep, and how far to trust it. */
public record Answer(
    Status status,
    List<Suggestion> suggestions,
    Optional<LrRange> cyclicRange,
    OptionalDouble largestStableLr,
    List<String> warnings) {
  private static final double WIDE_SPREAD = 2; // decades

  public static Answer to(
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
    if (endReason == EndReason.NON_FINITE && !Status.rose(descent, curve)) {
      warnings.add(
          "the loss was not finite at step %d of %d, without a rise before: look at the data of that step"
              .formatted(curve.size() + 1, settings.steps()));
    }
    if (curve.size() < settings.steps() && endReason.isFromOutside()) {
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
                if (status == Status.OK) {
                  pick.warning()
                      .or(inside::warning)
                      .ifPresent(words -> warnings.add("rule " + rule.name() + ": " + words));
                }
              });
    }
    if (status == Status.OK && !suggestions.containsKey(chosen.name())) {
      warnings.add("rule " + chosen.name() + " gave no rate: it needs more points");
    }
    boolean ok = status == Status.OK;
    Optional<Suggestion> suggestion = Optional.ofNullable(suggestions.get(chosen.name()));
    if (ok && suggestion.isPresent()) {
      lonely(suggestion.get(), suggestions.values()).ifPresent(warnings::add);
    }
    if (ok && endReason == EndReason.COMPLETED && descent.orElseThrow().lowestAtEnd()) {
      warnings.add(
          "the loss is lowest among the last rates and was not seen to rise: a higher maximum rate may show a lower one");
    }
    OptionalDouble largestStable =
        ok
            ? OptionalDouble.of(
                Pick.within(curve, Math.pow(10, descent.orElseThrow().lowest())).lr())
            : OptionalDouble.empty();
    Optional<LrRange> range =
        Optional.ofNullable(suggestions.get(new MiddleOfFall().name()))
            .filter(middle -> ok && middle.lr() <= largestStable.getAsDouble())
            .map(middle -> LrRange.around(middle.lr(), largestStable.getAsDouble()));
    return new Answer(status, List.copyOf(suggestions.values()), range, largestStable, warnings);
  }

  /** Warns where every other rule says something else, and they say all kinds of things. */
  private static Optional<String> lonely(Suggestion suggestion, Collection<Suggestion> all) {
    List<Double> others =
        all.stream().filter(other -> other != suggestion).map(Suggestion::lr).toList();
    Agreement agreement = Agreement.of(others, suggestion.lr());
    return !others.isEmpty() && agreement.near() == 0 && agreement.decades() > WIDE_SPREAD
        ? Optional.of(
            String.format(
                Locale.ROOT,
                "no other rule is within a factor of three, and they spread over %.1f decades: look at the plot",
                agreement.decades()))
        : Optional.empty();
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

package org.lrfinder.suggestion;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

/**
 * What the rules say of a curve, and how far to trust it. Immutable.
 *
 * @param rule name of the chosen rule
 * @param status whether there is a suggestion to trust, and if not, why; it depends on the curve
 *     and not on the rule
 * @param suggestions what each rule says, the chosen one first, whatever the status; rules that
 *     need more points are left out
 * @param cyclicRange base and maximum for cyclic and one-cycle schedules, a third of what {@link
 *     MiddleOfFall} suggests and three times it, at most the largest stable rate; present if and
 *     only if {@code status} is {@link Status#OK} and no rule of the user's own took that one's
 *     name
 * @param largestStableLr the rate where the loss is lowest: beyond it the loss rises again; present
 *     if and only if {@code status} is {@link Status#OK}. On the tasks that {@link MiddleOfFall}
 *     was measured on it trained well in 75 to 87 of 100 runs
 * @param warnings what to know beside the status, in words
 */
public record Answer(
    String rule,
    Status status,
    List<Suggestion> suggestions,
    Optional<LrRange> cyclicRange,
    OptionalDouble largestStableLr,
    List<String> warnings) {
  private static final double WIDE_SPREAD = 2; // decades

  /** Creates an answer. */
  public Answer {
    suggestions = List.copyOf(suggestions);
    warnings = List.copyOf(warnings);
  }

  /**
   * Judges a curve, such as one that was stored; a sweep's result has its answer already.
   *
   * @param settings what the sweep was to do
   * @param curve what it recorded
   * @param endReason why it ended
   * @param groups how each parameter group's rate follows the swept one, for {@link
   *     Suggestion#perGroup}; may be empty
   * @param chosen the rule whose suggestion counts; the library's others stand beside it
   * @return the answer
   */
  public static Answer to(
      SweepSettings settings,
      Curve curve,
      EndReason endReason,
      List<GroupRate> groups,
      SuggestionRule chosen) {
    Optional<Descent> descent = Descent.of(curve, settings);
    Status status = Status.of(descent, curve, endReason);
    boolean ok = status == Status.OK;
    List<String> warnings = new ArrayList<>();
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
    for (SuggestionRule rule : curve.size() == 0 ? List.<SuggestionRule>of() : all(chosen)) {
      Pick pick = pick(rule, descent, curve, settings);
      if (pick != null) {
        Suggestion suggested = Suggestion.of(curve, pick.lr(), groups, rule.name());
        suggestions.put(
            rule.name(),
            rule instanceof MiddleOfFall
                ? suggested.measuredBy(() -> Resampling.interval(curve, settings))
                : suggested);
        if (ok && pick.warning() != null) {
          warnings.add("rule " + rule.name() + ": " + pick.warning());
        }
      }
    }
    Suggestion suggestion = suggestions.get(chosen.name());
    if (ok && suggestion == null) {
      warnings.add("rule " + chosen.name() + " gave no rate: it needs more points");
    }
    if (ok && suggestion != null) {
      Agreement among = Agreement.of(suggestion, suggestions.values());
      if (among.near() == 0 && among.decades() > WIDE_SPREAD) {
        warnings.add(
            String.format(
                Locale.ROOT,
                "no other rule is within a factor of three, and they spread over %.1f decades: look at the plot",
                among.decades()));
      }
    }
    if (ok && endReason == EndReason.COMPLETED && descent.orElseThrow().lowestAtEnd()) {
      warnings.add(
          "the loss is lowest among the last rates and was not seen to rise: a higher maximum rate may show a lower one");
    }
    OptionalDouble stable = OptionalDouble.empty();
    Optional<LrRange> range = Optional.empty();
    if (ok) {
      double most = Pick.of(Math.pow(10, descent.orElseThrow().lowest())).within(curve).lr();
      Suggestion middle = suggestions.get(MiddleOfFall.NAME);
      stable = OptionalDouble.of(most);
      if (middle != null && middle.lr() <= most) {
        range = Optional.of(LrRange.around(middle.lr(), most));
      }
    }
    return new Answer(
        chosen.name(), status, List.copyOf(suggestions.values()), range, stable, warnings);
  }

  /** The chosen rule stands first, in place of the library's of the same name. */
  private static List<SuggestionRule> all(SuggestionRule chosen) {
    List<SuggestionRule> all = new ArrayList<>(List.of(chosen));
    for (SuggestionRule rule : SuggestionRules.all()) {
      if (!rule.name().equals(chosen.name())) {
        all.add(rule);
      }
    }
    return all;
  }

  private static @Nullable Pick pick(
      SuggestionRule rule, Optional<Descent> descent, Curve curve, SweepSettings settings) {
    if (rule instanceof MiddleOfFall) {
      return descent.isPresent() ? MiddleOfFall.pick(curve, descent.get()) : null;
    }
    Pick pick = rule.pick(curve, settings).orElse(null);
    return pick == null ? null : pick.within(curve);
  }

  /**
   * {@return the chosen rule's suggestion, to be applied; present if {@code status} is {@link
   * Status#OK} and the rule gave a rate}
   */
  public Optional<Suggestion> suggestion() {
    return status == Status.OK ? named(rule) : Optional.empty();
  }

  /**
   * Finds what a rule says, whatever the status.
   *
   * @param ruleName the chosen rule's, or one of the library's, such as {@code steepest} or, for
   *     the library's own rule, {@code default}
   * @return its suggestion; empty if it gave no rate
   */
  public Optional<Suggestion> suggestion(String ruleName) {
    return named(ruleName).or(() -> named(SuggestionRules.resolved(ruleName)));
  }

  private Optional<Suggestion> named(String ruleName) {
    return suggestions.stream().filter(s -> s.rule().equals(ruleName)).findFirst();
  }

  /**
   * {@return how far the other rules agree with the suggestion; present if and only if there is
   * one}
   */
  public Optional<Agreement> agreement() {
    return suggestion().map(chosen -> Agreement.of(chosen, suggestions));
  }

  /**
   * Widens the interval of the suggestion, if it has one.
   *
   * @param rates that other sweeps of the same task suggested, each greater than 0
   * @return an answer like this one whose interval spans them, as {@link LrInterval#spanning} says
   */
  public Answer spanning(List<Double> rates) {
    List<Suggestion> all =
        suggestions.stream().map(s -> s.rule().equals(rule) ? s.spanning(rates) : s).toList();
    return new Answer(rule, status, all, cyclicRange, largestStableLr, warnings);
  }

  /**
   * Adds warnings.
   *
   * @param more what else there is to know, in words
   * @return an answer like this one with them behind its own warnings
   */
  public Answer withWarnings(List<String> more) {
    List<String> all = Stream.concat(warnings.stream(), more.stream()).toList();
    return new Answer(rule, status, suggestions, cyclicRange, largestStableLr, all);
  }
}

package org.lrfinder;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.suggestion.Agreement;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

/**
 * What a sweep found: of several, the one that counts. Immutable, without native memory, and safe
 * to use from any thread, with what it holds. Only what is handed out for more is confined: {@link
 * Suggestion#applyTo} writes to an optimizer, and so belongs on the thread that uses that
 * optimizer.
 *
 * @param settings the sweep's settings
 * @param results rates, losses and smoothed losses of each recorded step
 * @param endReason why the sweep ended
 * @param groups how each parameter group's rate follows {@code results().rates()}, through all
 *     optimizers in their order
 * @param rule name of the chosen rule
 * @param status whether there is a suggestion to trust, and if not, why; it depends on the curve
 *     and not on the rule
 * @param suggestions what each rule says, the chosen one first, whatever the status; rules that
 *     need more points are left out
 * @param cyclicRange base and maximum for cyclic and one-cycle schedules, a third of the rule
 *     {@code default}'s suggestion and three times it, at most the largest stable rate; present if
 *     and only if {@code status} is {@link Status#OK}
 * @param largestStableLr the rate where the loss is lowest: beyond it the loss rises again; present
 *     if and only if {@code status} is {@link Status#OK}. On the tasks that {@link MiddleOfFall}
 *     was measured on it trained well in 75 to 87 of 100 runs
 * @param warnings what to know about the answer, in words
 * @param attempts earlier sweeps that were not OK, for {@code autoRange} and {@code autoSteps}
 * @param repeats the sweeps of {@code repeats(n)}, of which this is the median; empty if there was
 *     one
 * @param engine what computed the steps
 */
public record LrFinderResult(
    SweepSettings settings,
    Curve results,
    EndReason endReason,
    List<GroupRate> groups,
    String rule,
    Status status,
    List<Suggestion> suggestions,
    Optional<LrRange> cyclicRange,
    OptionalDouble largestStableLr,
    List<String> warnings,
    List<Attempt> attempts,
    Optional<Repeats> repeats,
    EngineInfo engine) {

  /**
   * Creates a result.
   *
   * @throws NullPointerException if a part is null
   */
  public LrFinderResult {
    Objects.requireNonNull(settings, "settings");
    Objects.requireNonNull(results, "results");
    Objects.requireNonNull(endReason, "endReason");
    groups = List.copyOf(groups);
    Objects.requireNonNull(rule, "rule");
    Objects.requireNonNull(status, "status");
    suggestions = List.copyOf(suggestions);
    Objects.requireNonNull(cyclicRange, "cyclicRange");
    Objects.requireNonNull(largestStableLr, "largestStableLr");
    warnings = List.copyOf(warnings);
    attempts = List.copyOf(attempts);
    Objects.requireNonNull(repeats, "repeats");
    Objects.requireNonNull(engine, "engine");
  }

  static LrFinderResult of(
      SweepSettings settings,
      Curve curve,
      EndReason endReason,
      List<GroupRate> groups,
      SuggestionRule rule,
      EngineInfo engine) {
    Answer answer = Answer.to(settings, curve, endReason, groups, rule);
    return new LrFinderResult(
        settings,
        curve,
        endReason,
        groups,
        rule.name(),
        answer.status(),
        answer.suggestions(),
        answer.cyclicRange(),
        answer.largestStableLr(),
        answer.warnings(),
        List.of(),
        Optional.empty(),
        engine);
  }

  /** This result with how it came about, and what to know about that. */
  LrFinderResult with(
      List<Attempt> newAttempts, Optional<Repeats> newRepeats, List<String> newWarnings) {
    List<String> allWarnings = new ArrayList<>(warnings);
    allWarnings.addAll(newWarnings);
    return new LrFinderResult(
        settings,
        results,
        endReason,
        groups,
        rule,
        status,
        suggestions,
        cyclicRange,
        largestStableLr,
        allWarnings,
        newAttempts,
        newRepeats,
        engine);
  }

  /**
   * {@return the chosen rule's suggestion, to be applied; present if {@code status} is {@link
   * Status#OK} and the rule gave a rate}
   */
  public Optional<Suggestion> suggestion() {
    return status == Status.OK ? suggestion(rule) : Optional.empty();
  }

  /**
   * Finds what a rule says, whatever the status.
   *
   * @param ruleName the chosen rule's, or one of the library's, such as {@code steepest}
   * @return its suggestion; empty if it gave no rate
   */
  public Optional<Suggestion> suggestion(String ruleName) {
    return suggestions.stream().filter(s -> s.rule().equals(ruleName)).findFirst();
  }

  /**
   * {@return how far the other rules agree with the suggestion; present if and only if there is
   * one}
   */
  public Optional<Agreement> agreement() {
    return suggestion()
        .map(
            chosen ->
                Agreement.of(
                    suggestions.stream()
                        .filter(other -> other != chosen && other.lr() > 0)
                        .map(Suggestion::lr)
                        .toList(),
                    chosen.lr()));
  }

  /**
   * Scales a rate to each parameter group.
   *
   * @param lr a swept rate, such as an end of {@code range()}
   * @return each group's rate, in the optimizer's order
   */
  public List<Double> perGroup(double lr) {
    return groups.stream().map(group -> group.at(lr)).toList();
  }

  /**
   * Lists a parameter group's learning rates.
   *
   * @param group which group, from 0, in the optimizer's order
   * @return the rate of each recorded step
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public double[] ratesOfGroup(int group) {
    return Arrays.stream(results.rates()).map(groups.get(group)::at).toArray();
  }

  /**
   * Draws the curve; with repeated sweeps the band of all, with a rule of another tool's the
   * running loss, which these rules look at.
   *
   * @param suggest whether to mark the suggestion, if there is one, by a red point, and the range
   * @return the plot, to be saved; {@link LrPlot#withRules} marks every rule
   */
  public LrPlot plot(boolean suggest) {
    LrPlot plot =
        new LrPlot(results, settings, endReason, suggest ? suggestion() : Optional.empty());
    if (suggest && cyclicRange.isPresent()) {
      plot = plot.withRange(cyclicRange.get());
    }
    if (looksAtTheRunningLoss()) {
      plot = plot.withRunningLoss();
    }
    return repeats.isPresent() ? plot.withBand(repeats.get().band(settings)) : plot;
  }

  private boolean looksAtTheRunningLoss() {
    return !rule.equals(new MiddleOfFall().name())
        && SuggestionRules.all().stream().anyMatch(known -> known.name().equals(rule));
  }
}

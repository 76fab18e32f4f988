package org.lrfinder;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.report.Findings;
import org.lrfinder.report.HtmlReport;
import org.lrfinder.suggestion.Agreement;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
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
 */
public final class LrFinderResult {
  /** The values, compared as one. */
  private record Values(
      SweepSettings settings,
      Curve results,
      EndReason endReason,
      List<GroupRate> groups,
      Answer answer,
      List<Attempt> attempts,
      Optional<Repeats> repeats,
      EngineInfo engine,
      Replay replay) {
    Values {
      Objects.requireNonNull(settings, "settings");
      Objects.requireNonNull(results, "results");
      Objects.requireNonNull(endReason, "endReason");
      groups = List.copyOf(groups);
      Objects.requireNonNull(answer, "answer");
      attempts = List.copyOf(attempts);
      Objects.requireNonNull(engine, "engine");
      Objects.requireNonNull(replay, "replay");
    }
  }

  private final Values values;

  private LrFinderResult(Values values) {
    this.values = values;
  }

  /**
   * Puts a result together, such as one that was stored.
   *
   * @param settings the sweep's settings
   * @param results what the sweep recorded
   * @param endReason why the sweep ended
   * @param groups how each parameter group's rate follows the swept one
   * @param answer what the rules say of it, such as {@link Answer#to}
   * @param engine what computed the steps
   * @param replay how many of them were replayed
   * @return the result of one sweep, without attempts and repeats
   * @throws NullPointerException if a part is null
   */
  public static LrFinderResult of(
      SweepSettings settings,
      Curve results,
      EndReason endReason,
      List<GroupRate> groups,
      Answer answer,
      EngineInfo engine,
      Replay replay) {
    return new LrFinderResult(
        new Values(
            settings,
            results,
            endReason,
            groups,
            answer,
            List.of(),
            Optional.empty(),
            engine,
            replay));
  }

  /**
   * Adds how this result came about.
   *
   * @param attempts earlier sweeps, in place of this result's own
   * @param repeats the sweeps that this is the median of, or null, in place of this result's own
   * @param warnings what to know about that, in words, behind the answer's
   * @return a result like this one with them
   */
  public LrFinderResult with(
      List<Attempt> attempts, @Nullable Repeats repeats, List<String> warnings) {
    return with(values.answer.withWarnings(warnings), attempts, Optional.ofNullable(repeats));
  }

  /** Widens the interval of the suggestion, if it has one, to rates that other sweeps suggested. */
  LrFinderResult spanning(List<Double> rates) {
    return with(values.answer.spanning(rates), values.attempts, values.repeats);
  }

  private LrFinderResult with(Answer answer, List<Attempt> attempts, Optional<Repeats> repeats) {
    return new LrFinderResult(
        new Values(
            values.settings,
            values.results,
            values.endReason,
            values.groups,
            answer,
            attempts,
            repeats,
            values.engine,
            values.replay));
  }

  /** {@return the sweep's settings} */
  public SweepSettings settings() {
    return values.settings;
  }

  /** {@return rates, losses and smoothed losses of each recorded step} */
  public Curve results() {
    return values.results;
  }

  /** {@return why the sweep ended} */
  public EndReason endReason() {
    return values.endReason;
  }

  /**
   * {@return how each parameter group's rate follows {@code results().rates()}, through all
   * optimizers in their order}
   */
  public List<GroupRate> groups() {
    return values.groups;
  }

  /** {@return name of the chosen rule, such as {@code middle-of-fall}} */
  public String rule() {
    return values.answer.rule();
  }

  /** {@return whether there is a suggestion to trust, and if not, why, whatever the rule} */
  public Status status() {
    return values.answer.status();
  }

  /** {@return what each rule says that has enough points, the chosen one first} */
  public List<Suggestion> suggestions() {
    return values.answer.suggestions();
  }

  /** {@return base and maximum for cyclic schedules, as {@link Answer#cyclicRange} says} */
  public Optional<LrRange> cyclicRange() {
    return values.answer.cyclicRange();
  }

  /** {@return the rate beyond which the loss rises again; empty unless the status is OK} */
  public OptionalDouble largestStableLr() {
    return values.answer.largestStableLr();
  }

  /**
   * {@return what to know about the answer beside its status, and about what computed it: why that
   * was not the native engine, and what would be faster; in words}
   */
  public List<String> warnings() {
    return values.answer.warnings();
  }

  /** {@return earlier sweeps, which {@code autoRange} and {@code autoSteps} did not leave it at} */
  public List<Attempt> attempts() {
    return values.attempts;
  }

  /** {@return the sweeps of {@code repeats(n)}, of which this is the median; empty if one} */
  public Optional<Repeats> repeats() {
    return values.repeats;
  }

  /** {@return what computed the steps} */
  public EngineInfo engine() {
    return values.engine;
  }

  /** {@return how many steps were replayed, and if none, why} */
  public Replay replay() {
    return values.replay;
  }

  /** {@return the chosen rule's suggestion; present if the status is OK and it gave a rate} */
  public Optional<Suggestion> suggestion() {
    return values.answer.suggestion();
  }

  /**
   * {@return what a rule says, whatever the status, by its name or alias, as {@link
   * Answer#suggestion(String)} finds it; empty if it gave no rate}
   */
  public Optional<Suggestion> suggestion(String ruleName) {
    return values.answer.suggestion(ruleName);
  }

  /** {@return how far the other rules agree with the suggestion; empty if there is none} */
  public Optional<Agreement> agreement() {
    return values.answer.agreement();
  }

  /**
   * Scales a rate to each parameter group.
   *
   * @param lr a swept rate, such as an end of {@link #cyclicRange}
   * @return each group's rate, in the optimizer's order
   */
  public List<Double> perGroup(double lr) {
    return values.groups.stream().map(group -> group.at(lr)).toList();
  }

  /**
   * Lists a parameter group's learning rates.
   *
   * @param group which group, from 0, in the optimizer's order
   * @return the rate of each recorded step
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public double[] ratesOfGroup(int group) {
    GroupRate rate = values.groups.get(group);
    return IntStream.range(0, values.results.size())
        .mapToDouble(i -> rate.at(values.results.rate(i)))
        .toArray();
  }

  /**
   * Draws the curve, with engine and device as its note; with repeated sweeps the band of all, with
   * a rule of another tool's the running loss, which these rules look at.
   *
   * @param suggest whether to mark the suggestion, if there is one, by a red point, and the range
   * @return the plot, to be saved; {@link LrPlot#withRules} marks every rule
   */
  public LrPlot plot(boolean suggest) {
    LrPlot plot =
        LrPlot.of(values.results, values.settings, values.endReason)
            .withNote(values.engine.words());
    if (suggest) {
      plot = suggestion().map(plot::withSuggestion).orElse(plot);
      plot = cyclicRange().map(plot::withRange).orElse(plot);
    }
    if (looksAtTheRunningLoss()) {
      plot = plot.withRunningLoss();
    }
    return repeats().map(all -> all.band(values.settings)).map(plot::withBand).orElse(plot);
  }

  /**
   * Tells all of this in a page that needs nothing else, to be shared.
   *
   * @return the page, to be saved; {@link HtmlReport#withTitle} names it
   */
  public HtmlReport report() {
    return HtmlReport.of(findings());
  }

  /**
   * Writes {@link #report()} to a file, by atomic rename.
   *
   * @param file where to, such as {@code report.html}; its folder must exist
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public void report(Path file) {
    report().save(file);
  }

  Findings findings() {
    return new Findings(
        values.settings,
        values.results,
        values.endReason,
        values.groups,
        values.answer,
        values.attempts.stream().map(Attempt::words).toList(),
        values.repeats.map(Repeats::reported),
        values.engine,
        values.replay,
        values.results.size() == 0 ? Optional.empty() : Optional.of(plot(true)));
  }

  private boolean looksAtTheRunningLoss() {
    return !rule().equals(new MiddleOfFall().name())
        && SuggestionRules.all().stream().anyMatch(known -> known.name().equals(rule()));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LrFinderResult result && values.equals(result.values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }

  @Override
  public String toString() {
    return "LrFinderResult[%s, %s, %s, %s]"
        .formatted(status(), suggestions(), endReason(), results());
  }
}

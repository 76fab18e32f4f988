package org.lrfinder;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;

/**
 * The sweeps of one answer: one after the other with changed settings until the answer is sure or
 * nothing helps, then the repeats.
 */
record Search(Retry auto, int repeats) {
  private static final double WIDE_SPREAD = 0.5; // decades
  private static final double FAR_BELOW = 1e-3;

  boolean isOneSweep() {
    return repeats == 1 && !auto.range() && !auto.steps();
  }

  /** Each sweep starts from the same snapshot and draws the next batches. */
  LrFinderResult run(SweepSettings settings, Function<SweepSettings, LrFinderResult> sweep) {
    List<Attempt> attempts = new ArrayList<>();
    List<Double> said = new ArrayList<>(); // by earlier sweeps of this task
    List<String> warnings = new ArrayList<>();
    LrFinderResult result = sweep.apply(settings);
    boolean goesOn = !result.endReason().isFromOutside(); // else nobody waits, or has data for more
    int left = auto.budget() - Retry.cost(result);
    while (goesOn) {
      Optional<SweepSettings> next = auto.after(result, attempts, left);
      if (next.isEmpty()) {
        break;
      }
      LrFinderResult again = sweep.apply(next.get());
      left -= Retry.cost(again);
      goesOn = !again.endReason().isFromOutside();
      boolean cutShort = !goesOn && again.endReason() != EndReason.CANCELLED;
      if (cutShort && result.status() == Status.OK) {
        warnings.add(
            "a closer look ended after %d of %d steps: %s"
                .formatted(again.results().size(), next.get().steps(), again.endReason().words()));
      } else {
        attempts.add(Attempt.of(result));
        result.suggestion().map(Suggestion::lr).ifPresent(said::add);
        result = again;
      }
    }
    Repeats repeated = null;
    if (repeats > 1 && goesOn) {
      List<LrFinderResult> all = new ArrayList<>(List.of(result));
      while (all.size() < repeats && !all.get(all.size() - 1).endReason().isFromOutside()) {
        all.add(sweep.apply(result.settings()));
      }
      repeated = new Repeats(all.stream().map(Repeats.Repeat::of).toList());
      result = median(all);
      double decades = repeated.spread().orElse(0);
      if (decades > WIDE_SPREAD) {
        warnings.add(
            String.format(
                Locale.ROOT,
                "the suggestions of the repeats lie %.1f decades apart, from quartile to quartile",
                decades));
      }
    }
    double first = settings.minLr();
    result
        .suggestion()
        .filter(suggestion -> suggestion.lr() < first * FAR_BELOW)
        .ifPresent(
            suggestion ->
                warnings.add(
                    String.format(
                        Locale.ROOT,
                        "%.1e lies more than three decades below the range that was asked for, which began at %.1e: mistrust it, and look at data and model",
                        suggestion.lr(),
                        first)));
    return result.spanning(said).with(attempts, repeated, warnings);
  }

  /** Picks that of the median rate among those of the commonest status, the first of equals. */
  private static LrFinderResult median(List<LrFinderResult> all) {
    Map<Status, Long> counts =
        all.stream().collect(Collectors.groupingBy(LrFinderResult::status, Collectors.counting()));
    Status commonest =
        all.stream()
            .map(LrFinderResult::status)
            .reduce((a, b) -> counts.get(b) > counts.get(a) ? b : a)
            .orElseThrow();
    List<LrFinderResult> sorted =
        all.stream()
            .filter(result -> result.status() == commonest)
            .sorted(Comparator.comparingDouble(result -> Repeats.Repeat.of(result).lr().orElse(0)))
            .toList();
    return sorted.get((sorted.size() - 1) / 2);
  }
}

package org.lrfinder.report;

import java.util.ArrayList;
import java.util.List;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.SweepSettings;

/**
 * Something to do next.
 *
 * @param words a sentence
 * @param code rates, or settings of the finder; may be empty
 */
record Advice(String words, List<String> code) {
  private static final double HIGHER = 100; // as autoRange has it, like the next
  private static final double LOWER = 1e-4;
  private static final int MORE_STEPS = 3;
  private static final int ENOUGH_STEPS = 300;

  /** Says what to do with an answer. */
  static List<Advice> on(Answer answer, SweepSettings settings) {
    Advice more =
        new Advice(
            "Sweep again with more steps, or let the finder do so:",
            List.of(
                "steps(%d)".formatted(Math.max(MORE_STEPS * settings.steps(), ENOUGH_STEPS)),
                "autoSteps(true)"));
    return switch (answer.status()) {
      case OK -> answer.suggestion().map(s -> to(answer, s)).orElseGet(() -> withoutRate(answer));
      case STILL_FALLING ->
          List.of(
              new Advice(
                  "Sweep again up to a higher rate, or let the finder do so:",
                  List.of(rate("maxLr", HIGHER * settings.maxLr()), "autoRange(true)")));
      case STARTED_DIVERGED ->
          List.of(
              new Advice(
                  "Sweep again from a lower rate on, or let the finder do so:",
                  List.of(rate("minLr", LOWER * settings.minLr()), "autoRange(true)")),
              words("If it diverges there too, look at the data and the initial weights."));
      case NEVER_FELL ->
          List.of(
              more,
              words("Take larger batches: their noise may hide the fall."),
              words("Look whether the model can learn these data: labels, loss, inputs' scale."));
      case FLAT_NOISE ->
          List.of(
              more,
              words("Take larger batches: their noise may hide the fall."),
              new Advice(
                  "If the loss does not move at all, sweep up to a higher rate:",
                  List.of(rate("maxLr", HIGHER * settings.maxLr()))));
      case TOO_FEW_POINTS -> List.of(more);
      case NON_FINITE ->
          List.of(
              words("Look for NaN and infinity in the inputs and the targets."),
              words("Look at the loss: a logarithm of 0, a division by 0, an overflow."),
              words("Look at the initial weights and the scale of the inputs."));
    };
  }

  private static List<Advice> to(Answer answer, Suggestion suggestion) {
    List<Advice> advice = new ArrayList<>();
    if (!answer.warnings().isEmpty()) {
      advice.add(words("Read the warnings first."));
    }
    advice.add(new Advice("Train at a constant rate:", List.of(Words.rate(suggestion.lr()))));
    answer
        .cyclicRange()
        .ifPresent(
            range ->
                advice.add(
                    new Advice(
                        "Or with a cyclic or one-cycle schedule:", List.of(Words.range(range)))));
    answer
        .largestStableLr()
        .ifPresent(
            lr ->
                advice.add(
                    new Advice(
                        "Stay below the largest stable rate, from which on the loss rises again:",
                        List.of(Words.rate(lr)))));
    return advice;
  }

  private static List<Advice> withoutRate(Answer answer) {
    return List.of(
        new Advice(
            "The loss fell, but the rule %s gave no rate. Sweep with more steps, or take the library's own rule:"
                .formatted(answer.rule()),
            List.of("rule(\"default\")")));
  }

  private static String rate(String setting, double lr) {
    return Words.of("%s(%.1e)", setting, lr);
  }

  private static Advice words(String words) {
    return new Advice(words, List.of());
  }
}

package org.lrfinder.benchmarks;

import java.util.Random;
import java.util.function.BiFunction;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.StepFunction;

/** Made curves from 1e-7 to 10 in 100 steps, of which one loss is not a number. */
final class NotFinite {
  private static final int FALLING_SEEDS = 20;
  private static final int FLAT_SEEDS = 500;
  private static final double NOISE = 0.05;

  private NotFinite() {}

  static String table() {
    StringBuilder table =
        new StringBuilder(
            "| curve | seeds | OK | of these with a warning that names the step | median | other statuses |\n|---|---|---|---|---|---|\n");
    for (double noise : new double[] {NOISE, 0}) {
      MadeCurve late = new MadeCurve(-1.5, 0, noise);
      MadeCurve early = new MadeCurve(-3, 0, noise);
      int seeds = noise > 0 ? FALLING_SEEDS : 1;
      String suffix = noise > 0 ? "" : ", no noise";
      row(table, "falls from 3e-3 to 3e-1" + suffix + "; NaN at step 70", seeds, 70, late::steps);
      row(table, "the same, whole", seeds, -1, late::steps);
      row(table, "falls from 1e-4 to 1e-2" + suffix + "; NaN at step 50", seeds, 50, early::steps);
      row(table, "the same, whole", seeds, -1, early::steps);
    }
    MadeCurve flat = MadeCurve.flat(NOISE);
    for (int step = 8; step <= 17; step += 3) {
      row(table, "flat noise; NaN at step " + step, FLAT_SEEDS, step, flat::steps);
    }
    row(table, "flat noise, whole", FLAT_SEEDS, -1, flat::steps);
    return table.toString();
  }

  /** Steps are counted from 0; a warning may name the step or, as people count, the next. */
  private static void row(
      StringBuilder table,
      String name,
      int seeds,
      int broken,
      BiFunction<Random, Integer, StepFunction> steps) {
    LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).build();
    Answers answers = Answers.of(seeds, seed -> finder.find(steps.apply(new Random(seed), broken)));
    table.append(
        "| %s | %d | %d | %s | %s | %s |\n"
            .formatted(
                name,
                seeds,
                answers.count(Status.OK),
                broken < 0 ? "-" : "" + answers.count(result -> names(result, broken)),
                answers.medianRate(),
                answers.others()));
  }

  private static boolean names(LrFinderResult result, int broken) {
    return result.status() == Status.OK
        && result.warnings().stream()
            .anyMatch(w -> w.matches(".*step (%d|%d)\\b.*".formatted(broken, broken + 1)));
  }
}

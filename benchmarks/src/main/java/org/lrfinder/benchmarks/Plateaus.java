package org.lrfinder.benchmarks;

import java.util.Random;
import java.util.function.Function;
import org.lrfinder.LrFinder;
import org.lrfinder.suggestion.Status;

/** Made curves from 1e-7 to 10 whose fall has ended at the last rate, or has not. */
final class Plateaus {
  private static final double[] NOISES = {0.02, 0.05, 0.1, 0.2}; // of the fall
  private static final int[] STEPS = {100, 300, 500};
  private static final int SEEDS = 300;
  private static final double ENDED = -1.5; // middle: 1.5 flat decades behind the fall

  private Plateaus() {}

  static String table() {
    StringBuilder table =
        new StringBuilder(
            "| STILL_FALLING of 100 (OK of 100) | steps | noise 2 % | 5 % | 10 % | 20 % |\n|---|---|---|---|---|---|\n");
    rows(table, "level for 1.5 decades", random -> ENDED, 0);
    rows(table, "rises by 3 % of the fall a decade", random -> ENDED, 0.03);
    rows(table, "middle of the fall in the last half decade", r -> 0.5 + r.nextDouble() / 2, 0);
    return table.toString();
  }

  private static void rows(
      StringBuilder table, String name, Function<Random, Double> middle, double rise) {
    for (int steps : STEPS) {
      LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).steps(steps).build();
      table.append("| %s | %d |".formatted(name, steps));
      for (double noise : NOISES) {
        Answers answers =
            Answers.of(
                SEEDS,
                seed -> {
                  Random random = new Random(seed);
                  return finder.find(
                      new MadeCurve(middle.apply(random), rise, noise).steps(random));
                });
        table.append(
            Report.format(
                " %.1f (%.1f) |",
                100.0 * answers.count(Status.STILL_FALLING) / SEEDS,
                100.0 * answers.count(Status.OK) / SEEDS));
      }
      table.append('\n');
    }
  }
}

package org.lrfinder.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.Attempt;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;

/** Small batches whose first loss is small by chance: no rate near the first can diverge. */
final class EarlyStops {
  private static final int SEEDS = 30;
  private static final int EARLY = 20; // steps
  private static final double ABSURD = 1e-10;
  private static final double TOO_LOW = 1e-4;
  private static final double DIVERGING = 0.3; // a first rate at which small batches diverge
  private static final double BEYOND = 100;

  /** What is swept, made anew for each seed and batch size. */
  private record Task(String name, int[] batches, Sweep sweep) {
    Answers answers(LrFinder.Builder finder, int batch) {
      return Answers.of(SEEDS, seed -> sweep.run(finder.build(), seed, batch));
    }
  }

  private interface Sweep {
    LrFinderResult run(LrFinder finder, long seed, int batch);
  }

  private static final List<Task> TASKS =
      List.of(
          plain("linear regression, noise 0.1", (s, b) -> LinearModel.regression(s, 0.1, b)),
          plain("linear regression, noise 1", (s, b) -> LinearModel.regression(s, 1, b)),
          plain(
              "2 classes, 10 % flipped, weights 0", (s, b) -> LinearModel.twoClasses(s, 0.1, 0, b)),
          plain(
              "2 classes, 10 % flipped, weights 0.3",
              (s, b) -> LinearModel.twoClasses(s, 0.1, 0.3, b)),
          plain(
              "10 classes, 20 % flipped, weights 0.3",
              (s, b) -> LinearModel.tenClasses(s, 0.2, 0.3, b)),
          new Task("native engine, MSE, Adam", new int[] {1, 2, 4, 8}, EarlyStops::sweepNatively));

  private EarlyStops() {}

  private static Task plain(String name, BiFunction<Long, Integer, LinearModel> model) {
    return new Task(
        name,
        new int[] {1, 2, 4, 8, 32},
        (finder, seed, batch) -> finder.find(model.apply(seed, batch)));
  }

  private static LrFinderResult sweepNatively(LrFinder finder, long seed, int batch) {
    try (PointerScope scope = new PointerScope()) {
      torch.manual_seed(seed);
      Tensor x = torch.randn(2000, 10);
      Tensor y =
          torch
              .matmul(x, torch.randn(10, 1).mul(new Scalar(0.316)))
              .add(torch.randn(2000, 1).mul(new Scalar(0.1)));
      LinearImpl layer = new LinearImpl(10, 1);
      SequentialImpl network = new SequentialImpl();
      network.push_back(layer);
      return finder.find(
          network,
          new Adam(network.parameters(), new AdamOptions(1e-3)),
          Loss.MSE,
          TensorBatches.of(x, y, batch).shuffled(seed));
    }
  }

  private static LrFinder.Builder finder(double minLr, double maxLr) {
    return LrFinder.builder().minLr(minLr).maxLr(maxLr).threads(1);
  }

  /** Sweeps of 100 steps from 1e-7. */
  static String falseStops() {
    StringBuilder table =
        new StringBuilder(
            "| stopped in the first 20 steps (30 seeds each) | batch 1 | 2 | 4 | 8 | 32 |\n|---|---|---|---|---|---|\n");
    for (Task task : TASKS) {
      table.append("| ").append(task.name).append(" |");
      for (int batch : task.batches) {
        table.append(
            " %d |"
                .formatted(
                    task.answers(finder(1e-7, 10), batch)
                        .count(
                            r ->
                                r.endReason() == EndReason.DIVERGED
                                    && r.results().size() <= EARLY)));
      }
      table.append(" - |".repeat(5 - task.batches.length)).append('\n');
    }
    return table.toString();
  }

  /** The same with {@code autoRange} and {@code autoSteps}, over all tasks in plain Java. */
  static String searches() {
    StringBuilder table =
        new StringBuilder(
            "| batch | searches | end below 1e-10 | lowest minimum | most sweeps | OK | OK below 1e-4 | of these with a warning | other statuses |\n"
                + "|---|---|---|---|---|---|---|---|---|\n");
    searches(table, "", TASKS.subList(0, 5), new int[] {1, 2, 4, 8, 32});
    searches(table, ", native", TASKS.subList(5, 6), new int[] {1, 2, 4, 8});
    return table.toString();
  }

  private static void searches(StringBuilder table, String suffix, List<Task> tasks, int[] sizes) {
    for (int batch : sizes) {
      List<LrFinderResult> results = new ArrayList<>();
      for (Task task : tasks) {
        results.addAll(
            task.answers(finder(1e-7, 10).autoRange(true).autoSteps(true), batch).results());
      }
      Answers answers = new Answers(results);
      table.append(
          Report.format(
              "| %d%s | %d | %d | %s | %d | %d | %d | %d | %s |\n",
              batch,
              suffix,
              answers.size(),
              answers.count(r -> r.settings().minLr() < ABSURD),
              Answers.rate(
                  results.stream()
                      .flatMapToDouble(
                          r ->
                              Stream.concat(
                                      Stream.of(r.settings().minLr()),
                                      r.attempts().stream().map(Attempt::minLr))
                                  .mapToDouble(Double::doubleValue))
                      .min()
                      .orElseThrow()),
              results.stream().mapToInt(r -> r.attempts().size() + 1).max().orElseThrow(),
              answers.rates().count(),
              answers.rates(lr -> lr < TOO_LOW),
              answers.warned(lr -> lr < TOO_LOW),
              answers.others()));
    }
  }

  /** Linear regressions whose first rate is too high already: the stop must stay. */
  static String trueStops() {
    StringBuilder table =
        new StringBuilder(
            "| linear regressions, 0.3..100 | sweeps | stopped | median step of the stop | STARTED_DIVERGED | OK | other statuses |\n"
                + "|---|---|---|---|---|---|---|\n");
    for (int batch : new int[] {1, 4, 32}) {
      List<LrFinderResult> results = new ArrayList<>();
      for (Task task : TASKS.subList(0, 2)) {
        results.addAll(task.answers(finder(DIVERGING, BEYOND), batch).results());
      }
      Answers answers = new Answers(results);
      double[] stops =
          results.stream()
              .filter(r -> r.endReason() == EndReason.DIVERGED)
              .mapToDouble(r -> r.results().size())
              .toArray();
      table.append(
          Report.format(
              "| batch %d | %d | %d | %s | %d | %d | %s |\n",
              batch,
              answers.size(),
              stops.length,
              stops.length == 0 ? "-" : Report.format("%.0f", Summary.of(stops).median()),
              answers.count(Status.STARTED_DIVERGED),
              answers.count(Status.OK),
              answers.others()));
    }
    return table.toString();
  }
}

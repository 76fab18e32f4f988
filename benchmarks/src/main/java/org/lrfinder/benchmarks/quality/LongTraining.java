package org.lrfinder.benchmarks.quality;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.lrfinder.benchmarks.Report;
import org.lrfinder.benchmarks.Summary;

/**
 * A task trained ten times as long as the others, at fewer rates, to see whether a rate that was
 * good for a short training is good for a long one.
 */
record LongTraining(Path file, Schedule.Shape shape) {
  private static final List<String> TASKS =
      List.of(
          "digits-mlp--adam", "digits-cnn--sgdm", "friedman1-mlp--sgd", "text-embedding--adamw");
  private static final int STEPS = 3000;
  private static final int RATES = 9;
  private static final int SEEDS = 2;

  /** Those of the tasks that are trained for long, by each schedule. */
  static List<LongTraining> of(List<Path> tasks) {
    List<LongTraining> all = new ArrayList<>();
    for (Path file : tasks) {
      if (TASKS.contains(file.getFileName().toString().replace(".json", ""))) {
        for (Schedule.Shape shape : Schedule.Shape.values()) {
          all.add(new LongTraining(file, shape));
        }
      }
    }
    return all;
  }

  Truth truth(Task task, Path folder) throws IOException {
    return Truth.of(task, new Truth.Plan(RATES, SEEDS, STEPS, shape), folder);
  }

  static final String HEADER =
      Report.format(
          "| trained for %d steps, %d rates, %d seeds | the rate is | best rate | best after the short training | median of the answers | its regret | best by it |\n|---|---|---|---|---|---|---|\n",
          STEPS, RATES, SEEDS);

  /** A line for a table under the header. */
  String line(Row row, Truth truth) {
    double pick =
        Summary.of(
                row.of(Measurement.BY_DEFAULT, 0).stream()
                    .flatMapToDouble(run -> run.rate().stream())
                    .toArray())
            .median();
    return Report.format(
        "| %s | %s | %.1e | %.1e | %.1e | %.3f | %.2g |\n",
        row.task(),
        shape,
        truth.bestRate(),
        row.truth().bestRate(),
        pick,
        truth.regret(OptionalDouble.of(pick)),
        truth.bestRate() / pick);
  }
}

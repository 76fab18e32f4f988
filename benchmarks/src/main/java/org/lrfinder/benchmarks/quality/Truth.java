package org.lrfinder.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * What training at each rate of a grid makes of a task.
 *
 * @param start validation loss before training, the mean of the seeds
 * @param losses validation loss after training at each of {@link #RATES}, each capped at its seed's
 *     start, the mean of the seeds
 */
record Truth(double start, List<Double> losses) {
  private static final int COUNT = 25;
  private static final double LOWEST = -5; // base-10 logarithms
  private static final double HIGHEST = 1;
  private static final double WORTHWHILE = 0.05; // of the start loss
  private static final int SEEDS = 3;
  private static final long FIRST_SEED = 1001; // apart from those of sweeps

  /** From 1e-5 to 10, four to a decade. */
  static final List<Double> RATES =
      IntStream.range(0, COUNT).mapToObj(i -> Math.pow(10, position(i))).toList();

  /** To be raised with whatever changes what is measured, so that nothing old is read. */
  private static final int PROTOCOL = 1;

  private static double position(int rate) {
    return LOWEST + rate * (HIGHEST - LOWEST) / (COUNT - 1);
  }

  Truth {
    losses = List.copyOf(losses);
    if (losses.size() != COUNT) {
      throw new IllegalArgumentException(
          "there are %d losses for %d rates".formatted(losses.size(), COUNT));
    }
  }

  /** Trains: {@code 75} times the task's steps. */
  static Truth measure(QualityTask task) {
    double[] starts =
        IntStream.range(0, SEEDS).mapToDouble(s -> task.startLoss(FIRST_SEED + s)).toArray();
    List<Double> losses =
        RATES.stream()
            .map(
                lr ->
                    IntStream.range(0, SEEDS)
                        .mapToDouble(s -> capped(task.train(lr, FIRST_SEED + s), starts[s]))
                        .average()
                        .orElseThrow())
            .toList();
    return new Truth(DoubleStream.of(starts).average().orElseThrow(), losses);
  }

  /** Worse than no training is no worse than that; so is what is not finite. */
  static double capped(double loss, double start) {
    return loss < start ? loss : start;
  }

  /** The file of a task whose content, or whose measuring, changes is another one. */
  static Path file(Path folder, QualityTask task) {
    return folder.resolve("%s-%s-%d.json".formatted(task.name(), task.contentHash(), PROTOCOL));
  }

  static Truth read(Path file) throws IOException {
    return new ObjectMapper().readValue(file.toFile(), Truth.class);
  }

  void write(Path file) throws IOException {
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.write(file, new ObjectMapper().writeValueAsBytes(this));
  }

  double best() {
    return Collections.min(losses);
  }

  double bestRate() {
    return RATES.get(losses.indexOf(best()));
  }

  /** Whether some rate improves on the start by a twentieth. */
  boolean worthwhile() {
    return best() < (1 - WORTHWHILE) * start;
  }

  /**
   * What a rate loses against the best one: 0 nothing, 1 everything that training gains.
   *
   * @param lr empty, or NaN, if a rule has no answer
   */
  double regret(OptionalDouble lr) {
    if (lr.isEmpty() || Double.isNaN(lr.getAsDouble())) {
      return 1;
    }
    double at = (Math.log10(lr.getAsDouble()) - LOWEST) * (COUNT - 1) / (HIGHEST - LOWEST);
    double inside = Math.min(Math.max(at, 0), COUNT - 1);
    int below = Math.min((int) inside, COUNT - 2);
    double loss =
        losses.get(below) + (inside - below) * (losses.get(below + 1) - losses.get(below));
    return Math.min(Math.max((loss - best()) / (start - best()), 0), 1);
  }
}

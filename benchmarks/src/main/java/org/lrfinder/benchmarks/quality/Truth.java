package org.lrfinder.benchmarks.quality;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.lrfinder.internal.io.AtomicFile;

/**
 * What training at each rate of a grid from 1e-5 to 10 makes of a task.
 *
 * @param starts validation loss before training, of each seed
 * @param courses of each rate and seed, validation losses at points of the training that lie evenly
 *     apart, the last at its end, each capped at the seed's start
 */
record Truth(List<Double> starts, List<List<List<Double>>> courses) {
  private static final double LOWEST = -5; // base-10 logarithms
  private static final double HIGHEST = 1;
  private static final double WORTHWHILE = 0.05; // of the start loss
  private static final long FIRST_SEED = 1001; // apart from those of sweeps

  /** To be raised with whatever changes what is measured, so that nothing old is read. */
  private static final int PROTOCOL = 2;

  private static final int CHECKS = 30; // of each training, if it has as many steps

  /**
   * What is trained.
   *
   * @param rates of the grid
   * @param steps of each training
   */
  record Plan(int rates, int seeds, int steps, Schedule.Shape shape) {
    /** That of a task, on which regret is measured. */
    static Plan of(Task task) {
      return new Plan(25, 3, task.steps(), Schedule.Shape.DECAY);
    }

    /** {@return the file for a task; other content or another plan has another} */
    Path file(Path folder, Task task) {
      return folder.resolve(
          "%s-%s-%d-%d-%d-%d-%s.json"
              .formatted(
                  task.name(),
                  task.contentHash(),
                  PROTOCOL,
                  rates,
                  seeds,
                  steps,
                  shape.name().toLowerCase(Locale.ROOT)));
    }
  }

  Truth {
    starts = List.copyOf(starts);
    courses = List.copyOf(courses);
    int seeds = starts.size();
    if (courses.size() < 2 || courses.stream().anyMatch(course -> course.size() != seeds)) {
      throw new IllegalArgumentException(
          "a course is needed for each of at least two rates and each of %d seeds"
              .formatted(seeds));
    }
  }

  /** Reads what is known of a task, or trains it. */
  static Truth of(Task task, Plan plan, Path folder) throws IOException {
    Path file = plan.file(folder, task);
    if (!Files.exists(file)) {
      measure(task, plan).write(file);
    }
    return new ObjectMapper().readValue(file.toFile(), Truth.class);
  }

  /** Trains: {@code rates} times {@code seeds} times the steps. */
  static Truth measure(Task task, Plan plan) {
    List<Double> starts =
        IntStream.range(0, plan.seeds()).mapToObj(s -> task.startLoss(FIRST_SEED + s)).toList();
    int every = Math.max(1, plan.steps() / CHECKS);
    List<List<List<Double>>> courses = new ArrayList<>();
    for (int i = 0; i < plan.rates(); i++) {
      Schedule schedule = new Schedule(plan.shape(), rate(i, plan.rates()));
      List<List<Double>> seeds = new ArrayList<>();
      for (int s = 0; s < plan.seeds(); s++) {
        double start = starts.get(s);
        double[] losses = task.train(schedule, plan.steps(), FIRST_SEED + s, every);
        seeds.add(
            IntStream.range(0, plan.steps() / every)
                .mapToObj(k -> k < losses.length ? capped(losses[k], start) : start)
                .toList());
      }
      courses.add(seeds);
    }
    return new Truth(starts, courses);
  }

  private static double rate(int i, int rates) {
    return Math.pow(10, LOWEST + i * (HIGHEST - LOWEST) / (rates - 1));
  }

  /** Worse than no training is no worse than that; so is what is not finite. */
  static double capped(double loss, double start) {
    return loss < start ? loss : start;
  }

  private void write(Path file) throws IOException {
    Files.createDirectories(file.toAbsolutePath().getParent());
    AtomicFile.write(file, new ObjectMapper().writeValueAsBytes(this));
  }

  double start() {
    return mean(starts);
  }

  double lr(int rate) {
    return rate(rate, courses.size());
  }

  /** {@return the mean loss of the seeds at a point of training at a rate of the grid} */
  double loss(int rate, int check) {
    return courses.get(rate).stream().mapToDouble(seed -> seed.get(check)).average().orElseThrow();
  }

  /** {@return the mean final loss of each rate of the grid} */
  double[] losses() {
    return IntStream.range(0, courses.size()).mapToDouble(i -> loss(i, checks() - 1)).toArray();
  }

  int checks() {
    return courses.get(0).get(0).size();
  }

  double best() {
    return DoubleStream.of(losses()).min().orElseThrow();
  }

  double bestRate() {
    return lr(lowest(losses()));
  }

  /** {@return what one seed's lowest loss picks: a whole grid search} */
  double pickOfSeed(int seed) {
    return lr(lowest(courses.stream().mapToDouble(c -> c.get(seed).get(checks() - 1)).toArray()));
  }

  /** {@return what the other seeds say} */
  Truth without(int seed) {
    return new Truth(
        without(starts, seed), courses.stream().map(seeds -> without(seeds, seed)).toList());
  }

  private static <T> List<T> without(List<T> all, int index) {
    List<T> rest = new ArrayList<>(all);
    rest.remove(index);
    return rest;
  }

  static int lowest(double[] losses) {
    return IntStream.range(0, losses.length)
        .reduce((a, b) -> losses[b] < losses[a] ? b : a)
        .orElseThrow();
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(v -> v).average().orElseThrow();
  }

  /** Whether some rate improves on the start by a twentieth. */
  boolean worthwhile() {
    return best() < (1 - WORTHWHILE) * start();
  }

  /**
   * What a rate loses against the best one: 0 nothing, 1 everything that training gains.
   *
   * @param lr empty, or NaN, if a rule has no answer
   */
  double regret(OptionalDouble lr) {
    return lr.isEmpty() || Double.isNaN(lr.getAsDouble())
        ? 1
        : Math.min(Math.max((at(lr.getAsDouble(), losses()) - best()) / (start() - best()), 0), 1);
  }

  /** Interpolates linearly in the logarithm of the rate. */
  private double at(double lr, double[] losses) {
    double inside = index(lr);
    int below = Math.min((int) inside, losses.length - 2);
    return losses[below] + (inside - below) * (losses[below + 1] - losses[below]);
  }

  private double index(double lr) {
    int last = courses.size() - 1;
    double at = (Math.log10(lr) - LOWEST) * last / (HIGHEST - LOWEST);
    return Math.min(Math.max(at, 0), last);
  }

  /**
   * Finds how long training at a rate takes to be as good as that at another is in the end.
   *
   * @return the share of the training, by the nearest rates of the grid; empty if it never is
   */
  OptionalDouble shareToReach(double lr, double other) {
    int own = (int) Math.round(index(lr));
    double target = loss((int) Math.round(index(other)), checks() - 1);
    double before = start();
    for (int check = 0; check < checks(); check++) {
      double now = loss(own, check);
      if (now <= target) {
        double within = before > now ? (before - target) / (before - now) : 1;
        return OptionalDouble.of((check + Math.min(Math.max(within, 0), 1)) / checks());
      }
      before = now;
    }
    return OptionalDouble.empty();
  }
}

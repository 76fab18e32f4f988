package org.lrfinder.benchmarks.quality;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.io.AtomicFile;

/**
 * What all finders said of a task.
 *
 * @param runs with each seed
 * @param repeats the command line's with many more seeds; none of most tasks
 */
record Measurement(List<Run> runs, List<Run> repeats) {
  /** Sweeps of a fixed number of steps. */
  static final String OURS = "lrfinder";

  /** As {@code find} does it: its range, its steps, and what it does when these do not suffice. */
  static final String BY_DEFAULT = "lrfinder find";

  // The command line's defaults.
  static final int STEPS = 60;
  static final int BUDGET = 500;
  static final double FIRST = 1e-7;
  static final double LAST = 10;

  private static final long FIRST_REPEAT = 101; // seeds

  /**
   * What is to be measured.
   *
   * @param steps of sweeps, each in turn
   * @param repeats of the command line's answer, for the tasks with Adam
   */
  record Plan(int seeds, List<Integer> steps, int repeats) {}

  static Measurement read(Path file) throws IOException {
    return new ObjectMapper().readValue(file.toFile(), Measurement.class);
  }

  void write(Path file) throws IOException {
    Files.createDirectories(file.toAbsolutePath().getParent());
    AtomicFile.write(file, new ObjectMapper().writeValueAsBytes(this));
  }

  static Measurement of(Task task, Plan plan) {
    List<Run> runs = new ArrayList<>();
    for (long seed = 1; seed <= plan.seeds(); seed++) {
      for (int steps : plan.steps()) {
        Map<Peer.Ladder, double[]> sweeps = new EnumMap<>(Peer.Ladder.class);
        for (Peer peer : Peer.ALL) {
          double[] rates = peer.ladder().rates(steps);
          long of = seed;
          double[] losses = sweeps.computeIfAbsent(peer.ladder(), ladder -> task.sweep(rates, of));
          runs.add(Run.of(peer, steps, seed, losses));
        }
        runs.add(search(task, seed, OURS, steps, false));
      }
      runs.add(search(task, seed, BY_DEFAULT, 0, true));
    }
    List<Run> repeats = new ArrayList<>();
    for (long k = 0; task.parts().optimizer().equals("adam") && k < plan.repeats(); k++) {
      repeats.add(search(task, FIRST_REPEAT + k, BY_DEFAULT, 0, true));
    }
    return new Measurement(runs, repeats);
  }

  private static Run search(Task task, long seed, String name, int steps, boolean auto) {
    try (PointerScope scope = new PointerScope()) {
      Task.Learner learner = task.learner(seed);
      int[] spent = new int[1];
      LrFinder.Builder finder =
          LrFinder.builder()
              .engine(EngineChoice.NATIVE)
              .threads(1)
              .minLr(FIRST)
              .maxLr(LAST)
              .steps(auto ? STEPS : steps)
              .autoRange(auto)
              .autoSteps(auto)
              .autoBudget(BUDGET)
              .listener(step -> spent[0]++);
      long from = System.nanoTime();
      LrFinderResult found = finder.build().find(learner.sweepTask());
      double micros = (System.nanoTime() - from) / 1e3;
      return Run.of(name, steps, seed, found, spent[0], micros);
    }
  }
}

package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;

/**
 * Lets trials take turns, round by round, never two at once: what slows the machine down for longer
 * than a round slows all of them. The first of a round is another one each time.
 *
 * @param seconds how long it lasts, warm-up included, unless the least number of rounds takes
 *     longer
 * @param least rounds at least
 * @param most rounds at most
 */
record Rounds(double seconds, int least, int most) {
  private static final double WARM_UP = 0.15;

  /**
   * @param rows hears of each trial of each counted round
   * @param notes hears of trials that failed, which take no further part
   */
  void run(String setting, Figure figure, List<Trial> all, Consumer<Row> rows, Notes notes) {
    List<Trial> trials = new ArrayList<>(all);
    long start = System.nanoTime();
    turn(trials, shortest(all), notes, (trial, timed) -> {});
    while (since(start) < seconds * WARM_UP) {
      turn(trials, List.copyOf(trials), notes, (trial, timed) -> {});
    }
    for (int round = 0; round < most && (round < least || since(start) < seconds); round++) {
      int now = round;
      List<Trial> order = new ArrayList<>(trials);
      Collections.rotate(order, -round);
      turn(
          trials,
          order,
          notes,
          (trial, timed) ->
              rows.accept(
                  new Row(
                      setting,
                      figure.key(),
                      trial.subject(),
                      trial.x(),
                      trial.contender(),
                      now,
                      timed.micros())));
    }
  }

  private interface Heard {
    void of(Trial trial, Timed timed);
  }

  /** Of each contender the one that does least: long sweeps are warm after a short one. */
  private static List<Trial> shortest(List<Trial> trials) {
    Map<String, Trial> least = new LinkedHashMap<>();
    trials.forEach(
        trial ->
            least.merge(
                trial.contender(), trial, BinaryOperator.minBy(Comparator.comparingInt(Trial::x))));
    return List.copyOf(least.values());
  }

  /** What fails is taken out of the trials. */
  private static void turn(List<Trial> trials, List<Trial> order, Notes notes, Heard heard) {
    for (Trial trial : order) {
      try {
        heard.of(trial, trial.work().get());
      } catch (RuntimeException e) {
        trials.remove(trial);
        notes.add(
            "%s is left out of %s: %s"
                .formatted(trial.contender(), trial.subject(), e.getMessage()));
      }
    }
  }

  private static double since(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}

package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
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
    do {
      turn(trials, 0, notes, (trial, timed) -> {});
    } while (since(start) < seconds * WARM_UP);
    for (int round = 0; round < most && (round < least || since(start) < seconds); round++) {
      int now = round;
      turn(
          trials,
          round,
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

  private static void turn(List<Trial> trials, int round, Notes notes, Heard heard) {
    List<Trial> order = new ArrayList<>(trials);
    Collections.rotate(order, -round);
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

package org.lrfinder.benchmarks.speed;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoundsTest {
  private final List<Row> rows = new ArrayList<>();
  private final Notes notes = new Notes();
  private final List<String> turns = new ArrayList<>();

  private Trial trial(String contender) {
    return trial(contender, 100);
  }

  private Trial trial(String contender, int steps) {
    return new Trial(
        "1x64",
        steps,
        contender,
        () -> {
          turns.add(steps == 100 ? contender : contender + steps);
          return new Timed(5, new double[0]);
        });
  }

  @Test
  void everyoneHasOneTurnARoundAndAnotherOneBegins() {
    new Rounds(0, 3, 30)
        .run("mkl-1", Figure.SWEEP, List.of(trial("a"), trial("b"), trial("c")), rows::add, notes);
    assertThat(turns.subList(3, turns.size()))
        .containsExactly("a", "b", "c", "b", "c", "a", "c", "a", "b");
    assertThat(rows).hasSize(9).extracting(Row::round).containsExactly(0, 0, 0, 1, 1, 1, 2, 2, 2);
  }

  @Test
  void theShortestOfEachWarmsUp() {
    new Rounds(0, 1, 1)
        .run(
            "mkl-1",
            Figure.SWEEP,
            List.of(trial("a"), trial("a", 20), trial("b", 20), trial("b")),
            rows::add,
            notes);
    assertThat(turns).containsExactly("a20", "b20", "a", "a20", "b20", "b");
  }

  @Test
  void thereAreNoMoreRoundsThanAskedFor() {
    new Rounds(1e-9, 1, 1).run("mkl-1", Figure.SWEEP, List.of(trial("a")), rows::add, notes);
    assertThat(rows).hasSize(1);
  }

  @Test
  void whoeverFailsIsNamedAndTakesNoFurtherPart() {
    Trial failing =
        new Trial(
            "1x64",
            100,
            "bad",
            () -> {
              throw new IllegalStateException("no answer");
            });
    new Rounds(0, 2, 30).run("mkl-1", Figure.SWEEP, List.of(failing, trial("a")), rows::add, notes);
    assertThat(rows).extracting(Row::contender).containsExactly("a", "a");
    assertThat(notes.lines()).containsExactly("bad is left out of 1x64: no answer");
  }
}

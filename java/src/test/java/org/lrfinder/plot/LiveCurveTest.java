package org.lrfinder.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepStep;

class LiveCurveTest {
  private static final int COLUMNS = 70;
  private static final int ROWS = 12;
  private static final Pattern SEQUENCE = Pattern.compile("\033\\[(\\d*)([A-Z])");

  private final ByteArrayOutputStream written = new ByteArrayOutputStream();
  private long now;

  /** The lines that a terminal shows: it knows how to move up, to clear the rest, and to print. */
  private List<String> screen() {
    List<String> lines = new ArrayList<>();
    int row = 0;
    String rest = written.toString(StandardCharsets.UTF_8);
    for (Matcher next = SEQUENCE.matcher(rest); ; ) {
      boolean found = next.find();
      String text = rest.substring(0, found ? next.start() : rest.length());
      for (String line : text.lines().toList()) {
        assertThat(lines).as("what is drawn over was cleared before").hasSize(row);
        lines.add(line);
        row++;
      }
      if (!found) {
        return lines;
      }
      if (next.group(2).equals("A")) {
        row -= Integer.parseInt(next.group(1));
        assertThat(row).isNotNegative();
      } else {
        assertThat(next.group()).isEqualTo("\033[J");
        lines.subList(row, lines.size()).clear();
      }
      rest = rest.substring(next.end());
      next.reset(rest);
    }
  }

  private LiveCurve curve(boolean quiet) {
    PrintStream terminal = new PrintStream(written, true, StandardCharsets.UTF_8);
    return new LiveCurve(terminal, quiet, COLUMNS, ROWS, () -> now);
  }

  /** Falls in the middle of the range. */
  private static SweepStep step(int index, int steps, ScheduleMode mode) {
    double lr = mode.rate(1e-6, 0.5, steps, index);
    double loss = 2 - 1.5 / (1 + Math.exp(8 - 16.0 * index / (steps - 1)));
    return new SweepStep(index, steps, lr, loss, loss + 0.25, loss);
  }

  private void walk(LiveCurve live, int from, int to, int steps, ScheduleMode mode, long pause) {
    for (int i = from; i < to; i++) {
      now += pause;
      live.onStep(step(i, steps, mode));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "EXPONENTIAL, 3",
    "EXPONENTIAL, 40",
    "EXPONENTIAL, 100",
    "LINEAR, 3",
    "LINEAR, 40",
    "LINEAR, 100"
  })
  void theWholeRangeIsThereFromTheBeginning(ScheduleMode mode, int drawn) {
    LiveCurve live = curve(false);
    walk(live, 0, drawn, 100, mode, 1_000_000_000);
    List<String> screen = screen();
    assertThat(screen).hasSize(1 + ROWS).allMatch(line -> line.length() <= COLUMNS);
    assertThat(screen.get(0)).startsWith("step %d of 100, ".formatted(drawn));
    assertThat(screen.get(ROWS - 1)).contains("1.00e-06").endsWith("5.00e-01");
  }

  @Test
  void itGrowsFromTheLeft() {
    LiveCurve live = curve(false);
    int furthest = 0;
    for (int drawn = 10; drawn <= 100; drawn += 10) {
      walk(live, drawn - 10, drawn, 100, ScheduleMode.EXPONENTIAL, 1_000_000_000);
      int end = screen().subList(1, ROWS - 2).stream().mapToInt(String::length).max().orElseThrow();
      assertThat(end).isGreaterThan(furthest);
      furthest = end;
    }
    assertThat(screen().get(0))
        .isEqualTo("step 100 of 100, 0 s left, lr 5.00e-01, loss 0.5005, running 0.7505");
  }

  @Test
  void itSaysHowLongTheSweepGoesOn() {
    LiveCurve live = curve(false);
    walk(live, 0, 1, 500, ScheduleMode.EXPONENTIAL, 20_000_000_000L); // it has to be loaded
    assertThat(screen().get(0)).startsWith("step 1 of 500, lr ");
    walk(live, 1, 50, 500, ScheduleMode.EXPONENTIAL, 100_000_000);
    assertThat(screen().get(0)).contains("step 50 of 500, 45 s left, lr");
    walk(live, 50, 51, 500, ScheduleMode.EXPONENTIAL, 100_000_000_000L);
    assertThat(screen().get(0)).contains("step 51 of 500, 16 min left, lr");
  }

  @Test
  void closingItLeavesNothing() {
    try (LiveCurve live = curve(false)) {
      walk(live, 0, 70, 100, ScheduleMode.EXPONENTIAL, 250_000_000);
      assertThat(screen()).hasSize(1 + ROWS);
    }
    assertThat(screen()).isEmpty();
  }

  @Test
  void theNextSweepTakesThePlaceOfTheOneBefore() {
    LiveCurve live = curve(false);
    walk(live, 0, 100, 100, ScheduleMode.EXPONENTIAL, 250_000_000);
    walk(live, 0, 1, 300, ScheduleMode.LINEAR, 250_000_000);
    assertThat(screen()).singleElement().asString().startsWith("step 1 of 300");
    walk(live, 1, 20, 300, ScheduleMode.LINEAR, 250_000_000);
    assertThat(screen()).hasSize(1 + ROWS);
    assertThat(screen().get(0)).startsWith("step 20 of 300");
  }

  @Test
  void fastStepsAreDrawnTenTimesASecond() {
    LiveCurve live = curve(false);
    walk(live, 0, 1000, 1000, ScheduleMode.EXPONENTIAL, 1_000_000);
    assertThat(written.toString(StandardCharsets.UTF_8).split("step ", -1)).hasSize(1 + 10);
  }

  @Test
  void aCurveOfFewPointsOrOfOneLossIsDrawnToo() {
    LiveCurve live = curve(false);
    for (int i = 0; i < 12; i++) {
      now += 1_000_000_000;
      live.onStep(new SweepStep(i, 12, 1e-4 * (i + 1), 0, 0, 0));
    }
    assertThat(screen()).hasSize(1 + ROWS);
  }

  @Test
  void offATerminalItIsQuiet() {
    try (LiveCurve live = curve(true)) {
      walk(live, 0, 100, 100, ScheduleMode.EXPONENTIAL, 1_000_000_000);
    }
    // The tests' JVM has no terminal.
    PrintStream terminal = new PrintStream(written, true, StandardCharsets.UTF_8);
    try (LiveCurve live = LiveCurve.onTerminal(terminal, COLUMNS, ROWS)) {
      walk(live, 0, 100, 100, ScheduleMode.EXPONENTIAL, 1_000_000_000);
    }
    assertThat(written.size()).isZero();
  }

  @Test
  void misuseIsRefused() {
    LiveCurve live = curve(false);
    live.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> live.onStep(step(0, 100, ScheduleMode.LINEAR)))
        .withMessage("the live curve is closed");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LiveCurve.onTerminal(System.err, 39, 8))
        .withMessageContaining("at least 40 columns and 8 rows, not 39 and 8");
  }
}

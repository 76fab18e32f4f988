package org.lrfinder.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The Java tracker, by the table of cases that the native one's test reads. */
class LossTrackerTest {
  static Stream<Arguments> cases() throws IOException {
    return Files.readAllLines(Path.of("../native/test/early_stop_cases.txt")).stream()
        .filter(line -> !line.startsWith("#"))
        .map(line -> line.split(" \\| "))
        .map(
            fields ->
                Arguments.of(
                    fields[0],
                    numbers(fields[1]),
                    numbers(fields[2]),
                    fields[3],
                    Double.valueOf(fields[4]),
                    Double.valueOf(fields[5])));
  }

  private static double[] numbers(String text) {
    return Arrays.stream(text.split(" ")).mapToDouble(Double::parseDouble).toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void followsAndStopsAsTheTableOfCasesSays(
      String what, double[] settings, double[] losses, String stop, double smoothed, double best) {
    LossTracker tracker = new LossTracker(settings[0], settings[1], (int) settings[2]);
    int i = 0;
    while (i < losses.length && !tracker.add(losses[i])) {
      i++;
    }
    assertThat(i < losses.length ? Integer.toString(i) : "none").isEqualTo(stop);
    assertThat(tracker.last()).isEqualTo(losses[Math.min(i, losses.length - 1)]);
    assertThat(tracker.smoothed()).isCloseTo(smoothed, within(tolerance(smoothed)));
    assertThat(tracker.best()).isCloseTo(best, within(tolerance(best)));
  }

  private static double tolerance(double expected) {
    return 1e-13 * Math.max(1, Math.abs(expected));
  }
}

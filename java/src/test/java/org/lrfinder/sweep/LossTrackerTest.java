package org.lrfinder.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The Java tracker by its definition, and by the table of cases that the native one's test reads.
 */
class LossTrackerTest {
  @Property
  void theRunningLossIsTheWeightedMeanOfThePast(
      @ForAll @Size(min = 1, max = 60) List<@DoubleRange(min = -5, max = 50) Double> losses,
      @ForAll @DoubleRange(min = 0, max = 0.99) double beta) {
    LossTracker tracker = new LossTracker(beta, Double.POSITIVE_INFINITY, 10);
    for (int i = 0; i < losses.size(); i++) {
      assertThat(tracker.add(losses.get(i))).isFalse();
      double weighted = 0;
      double weights = 0;
      for (int k = 0; k <= i; k++) {
        weighted += Math.pow(beta, i - k) * losses.get(k);
        weights += Math.pow(beta, i - k);
      }
      assertThat(tracker.smoothed()).isCloseTo(weighted / weights, within(1e-10 * 50));
    }
  }

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
                    Double.valueOf(fields[4])));
  }

  private static double[] numbers(String text) {
    return Arrays.stream(text.split(" ")).mapToDouble(Double::parseDouble).toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void stopsAsTheTableOfCasesSays(
      String what, double[] settings, double[] losses, String stop, double best) {
    LossTracker tracker = new LossTracker(settings[0], settings[1], (int) settings[2]);
    int i = 0;
    while (i < losses.length && !tracker.add(losses[i])) {
      i++;
    }
    assertThat(i < losses.length ? Integer.toString(i) : "none").isEqualTo(stop);
    assertThat(tracker.best()).isCloseTo(best, within(1e-14 * Math.abs(best)));
  }
}

package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TruthTest {
  private static final double START = 2;

  @TempDir Path temporary;

  @Test
  void theGridGoesFromOneHundredThousandthToTen() {
    assertThat(Truth.RATES).hasSize(25).isSorted();
    assertThat(Truth.RATES.get(0)).isCloseTo(1e-5, within(1e-18));
    assertThat(Truth.RATES.get(24)).isCloseTo(10, within(1e-12));
    assertThat(Truth.RATES.get(13) / Truth.RATES.get(12))
        .isCloseTo(Math.pow(10, 0.25), within(1e-9));
  }

  @Test
  void regretIsTheShareOfTheGainThatIsLost() {
    Truth truth = truth(16, 1.0, 17, 1.5, 0, 1.8);
    assertThat(truth.best()).isEqualTo(1);
    assertThat(truth.bestRate()).isCloseTo(0.1, within(1e-12));
    assertThat(regret(truth, 0.1)).isCloseTo(0, within(1e-9));
    assertThat(regret(truth, Truth.RATES.get(17))).isCloseTo(0.5, within(1e-9));
    assertThat(regret(truth, 10)).isEqualTo(1);
  }

  @Test
  void betweenTwoRatesItIsLinearInTheLogarithm() {
    Truth truth = truth(16, 1.0, 17, 1.5);
    assertThat(regret(truth, 0.1 * Math.pow(10, 0.0625))).isCloseTo(0.125, within(1e-9));
  }

  @Test
  void outsideTheGridItIsThatOfTheEnd() {
    Truth truth = truth(0, 1.8, 16, 1.0, 24, 1.4);
    assertThat(regret(truth, 1e-12)).isEqualTo(regret(truth, 1e-5)).isCloseTo(0.8, within(1e-9));
    assertThat(regret(truth, 1e4)).isEqualTo(regret(truth, 10)).isCloseTo(0.4, within(1e-9));
  }

  @Test
  void noAnswerLosesEverything() {
    Truth truth = truth(16, 1.0);
    assertThat(truth.regret(OptionalDouble.empty())).isEqualTo(1);
    assertThat(regret(truth, Double.NaN)).isEqualTo(1);
  }

  @Test
  void aTaskThatNoRateImprovesByATwentiethIsNotWorthwhile() {
    assertThat(truth(16, 1.91).worthwhile()).isFalse();
    assertThat(truth(16, 1.89).worthwhile()).isTrue();
  }

  @Test
  void whatIsWorseThanTheStartOrNotFiniteCountsAsTheStart() {
    assertThat(Truth.capped(1.5, START)).isEqualTo(1.5);
    assertThat(Truth.capped(2.5, START)).isEqualTo(START);
    assertThat(Truth.capped(Double.NaN, START)).isEqualTo(START);
    assertThat(Truth.capped(Double.POSITIVE_INFINITY, START)).isEqualTo(START);
  }

  @Test
  void isReadAsItWasWritten() throws IOException {
    Truth truth = truth(16, 1 / 3.0);
    Path file = temporary.resolve("new").resolve("truth.json");
    truth.write(file);
    assertThat(Truth.read(file)).isEqualTo(truth);
  }

  @Test
  void aLossIsNeededForEachRate() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Truth(START, List.of(1.0)))
        .withMessageContaining("1 losses for 25 rates");
  }

  private static double regret(Truth truth, double lr) {
    return truth.regret(OptionalDouble.of(lr));
  }

  /** Everywhere the start, but at these indices these losses. */
  private static Truth truth(double... indicesAndLosses) {
    List<Double> losses = new ArrayList<>(Collections.nCopies(Truth.RATES.size(), START));
    for (int i = 0; i < indicesAndLosses.length; i += 2) {
      losses.set((int) indicesAndLosses[i], indicesAndLosses[i + 1]);
    }
    return new Truth(START, losses);
  }
}

package org.lrfinder.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TruthTest {
  private static final double START = 2;
  private static final Path DATA = Path.of("../java/src/data");

  @TempDir Path temporary;

  @Test
  void theGridGoesFromOneHundredThousandthToTen() {
    Truth truth = truth();
    assertThat(truth.lr(0)).isCloseTo(1e-5, within(1e-18));
    assertThat(truth.lr(24)).isCloseTo(10, within(1e-12));
    assertThat(truth.lr(13) / truth.lr(12)).isCloseTo(Math.pow(10, 0.25), within(1e-9));
  }

  @Test
  void regretIsTheShareOfTheGainThatIsLost() {
    Truth truth = truth(16, 1.0, 17, 1.5, 0, 1.8);
    assertThat(truth.best()).isEqualTo(1);
    assertThat(truth.bestRate()).isCloseTo(0.1, within(1e-12));
    assertThat(regret(truth, 0.1)).isCloseTo(0, within(1e-9));
    assertThat(regret(truth, truth.lr(17))).isCloseTo(0.5, within(1e-9));
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
  void whatWasTrainedIsReadAndNotTrainedAgain() throws IOException {
    Task task = new Task(Path.of("tasks/noisy/diabetes-mlp-b4--sgd.json"), DATA);
    Truth.Plan plan = new Truth.Plan(3, 2, 30, Schedule.Shape.CONSTANT);
    Truth truth = Truth.of(task, plan, temporary.resolve("new"));
    Path file = plan.file(temporary.resolve("new"), task);
    Files.writeString(
        file, Files.readString(file).replaceFirst("\"starts\":\\[[^,]*", "\"starts\":[7"));
    Truth again = Truth.of(task, plan, temporary.resolve("new"));
    assertThat(again.courses()).isEqualTo(truth.courses());
    assertThat(again.starts().get(0)).isEqualTo(7);
  }

  @Test
  void aCourseIsNeededForEachSeed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Truth(List.of(START), List.of(List.of(List.of(1.0)))))
        .withMessageContaining("at least two rates and each of 1 seeds");
  }

  @Test
  void aSeedsPickIsJudgedByTheOthers() {
    // One seed is best at the second rate, the other at the first.
    Truth truth =
        new Truth(
            List.of(2.0, 2.0),
            List.of(
                List.of(List.of(1.5), List.of(1.0)),
                List.of(List.of(1.0), List.of(1.6)),
                List.of(List.of(2.0), List.of(2.0))));
    assertThat(truth.pickOfSeed(0)).isEqualTo(truth.lr(1));
    assertThat(regret(truth.without(0), truth.lr(1))).isCloseTo(0.6, within(1e-9));
    assertThat(truth.best()).isEqualTo(1.25);
  }

  @Test
  void howLongItTakesToBeAsGoodIsInterpolatedBetweenChecks() {
    Truth truth =
        new Truth(
            List.of(2.0),
            List.of(
                List.of(List.of(1.9, 1.8, 1.5, 1.4)),
                List.of(List.of(1.6, 1.2, 1.1, 1.0)),
                List.of(List.of(2.0, 2.0, 2.0, 2.0))));
    assertThat(truth.shareToReach(truth.lr(1), truth.lr(0)))
        .hasValueCloseTo((1 + 0.5) / 4, within(1e-9));
    assertThat(truth.shareToReach(truth.lr(0), truth.lr(0))).hasValueCloseTo(1.0, within(1e-9));
    assertThat(truth.shareToReach(truth.lr(2), truth.lr(0))).isEmpty();
  }

  private static double regret(Truth truth, double lr) {
    return truth.regret(OptionalDouble.of(lr));
  }

  /** Everywhere the start, but at these indices these losses. */
  private static Truth truth(double... indicesAndLosses) {
    List<Double> losses = new ArrayList<>(Collections.nCopies(25, START));
    for (int i = 0; i < indicesAndLosses.length; i += 2) {
      losses.set((int) indicesAndLosses[i], indicesAndLosses[i + 1]);
    }
    return new Truth(List.of(START), losses.stream().map(loss -> List.of(List.of(loss))).toList());
  }
}

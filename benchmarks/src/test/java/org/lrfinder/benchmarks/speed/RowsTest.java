package org.lrfinder.benchmarks.speed;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.lrfinder.benchmarks.Summary;

class RowsTest {
  private final List<Row> measured = new ArrayList<>();

  private void measured(String contender, int x, double... micros) {
    for (int round = 0; round < micros.length; round++) {
      if (!Double.isNaN(micros[round])) {
        measured.add(row(contender, x, round, micros[round]));
      }
    }
  }

  private static Row row(String contender, int x, int round, double micros) {
    return new Row("mkl-1", "sweep", "1x64", x, contender, round, micros);
  }

  @Test
  void aRatioIsOfTheSameRounds() {
    measured("native", 100, 10, 20, 40);
    measured("Lightning", 100, 300, Double.NaN, 400);
    assertThat(new Rows(measured).ratio("Lightning", "native", 100)).contains(Summary.of(30, 10));
  }

  @Test
  void withoutACommonRoundThereIsNoRatio() {
    measured("native", 100, 10, Double.NaN);
    measured("Lightning", 100, Double.NaN, 400);
    assertThat(new Rows(measured).ratio("Lightning", "native", 100)).isEmpty();
    assertThat(new Rows(measured).ratio("fastai", "native", 100)).isEmpty();
  }

  @Test
  void aStepIsWhatTheLongSweepTakesMore() {
    measured("native", 20, 5, 6, Double.NaN);
    measured("native", 100, 13, 22, 1000);
    assertThat(new Rows(measured).slope("native", 20, 100)).contains(Summary.of(0.1, 0.2));
  }

  @Test
  void aRowIsReadBackAsItWasWritten() {
    Row row = row("bare C++", 20, 3, 12.5);
    assertThat(Row.parse(row.csv())).isEqualTo(row);
  }

  @Test
  void whatRoundsToNotSlowerIsNotSlower() {
    Aim notSlower = new Aim(Setting.MKL_DEFAULT, "2x2048", "fastai", 1);
    assertThat(notSlower.isMetBy(0.996)).isTrue();
    assertThat(notSlower.isMetBy(0.99)).isFalse();
    Aim faster = new Aim(Setting.MKL_ONE, "1x64", "Lightning", 28);
    assertThat(faster.isMetBy(28)).isTrue();
    assertThat(faster.isMetBy(27.99)).isFalse();
  }

  @Test
  void everyAimIsOfACaseThatItsSettingMeasures() {
    for (Aim aim : Aim.ALL) {
      assertThat(aim.setting().of(Case.all())).extracting(Case::label).contains(aim.subject());
    }
  }

  @Test
  void theReportSaysWhetherAnAimIsMet() {
    measured("native", 100, 10, 10, 10);
    measured("Lightning", 100, 290, 300, 310);
    measured("naive JavaCPP", 100, 44, 44, 44);
    String report = SpeedReport.of(new Rows(measured), List.of("commit: abc"));
    assertThat(report)
        .contains("- commit: abc")
        .contains("| 1x64, MKL, one thread | Lightning | 28x | 30.00x | 29.50 to 30.50 | yes |")
        .contains(
            "| 1x64, MKL, one thread | naive JavaCPP | 4.5x | 4.40x | 4.40 to 4.40 | **no** |")
        .contains("| 1x64 | 100 | 3 | 1 | 30.00 (29.50 to 30.50) | 4.40 (4.40 to 4.40) |");
  }
}

package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class SummaryTest {
  @Test
  void interpolatesBetweenValues() {
    assertThat(Summary.of(4, 1, 3, 2)).isEqualTo(new Summary(1, 1.75, 2.5, 3.25, 4));
  }

  @Test
  void takesValuesWhereTheyFall() {
    assertThat(Summary.of(50, 10, 30, 20, 40)).isEqualTo(new Summary(10, 20, 30, 40, 50));
  }

  @Test
  void oneValueIsEveryQuartile() {
    assertThat(Summary.of(7)).isEqualTo(new Summary(7, 7, 7, 7, 7));
  }

  @Test
  void leavesTheSampleAlone() {
    double[] sample = {2, 1};
    Summary.of(sample);
    assertThat(sample).containsExactly(2, 1);
  }

  @Test
  void pairsWhatWasMeasuredInTheSameRound() {
    // The medians' quotient would be 1.
    assertThat(Summary.ofPairedRatios(new double[] {2, 4, 30}, new double[] {1, 8, 4}))
        .isEqualTo(new Summary(0.5, 1.25, 2, 4.75, 7.5));
  }

  @Test
  void refusesWhatHasNoMedian() {
    assertThatIllegalArgumentException().isThrownBy(Summary::of);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Summary.ofPairedRatios(new double[2], new double[3]));
  }
}

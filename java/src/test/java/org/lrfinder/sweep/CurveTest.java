package org.lrfinder.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.lrfinder.plot.LrPlot;

class CurveTest {
  private static final double[] RATES = {1, 2, 3, 4, 5};
  private static final double[] LOSSES = {9, 7, 5, 6, 99};
  private static final double[] SMOOTHED = {9, 8, 6, 6, 50};
  private static final double[] VALIDATION = {8, 6, 4, 5, 90};

  private final Curve curve = new Curve(RATES, LOSSES, SMOOTHED, VALIDATION);

  @Test
  void aPartHasThePointsFromTheFirstToBeforeTheLast() {
    assertThat(curve.part(1, 4))
        .isEqualTo(
            new Curve(
                new double[] {2, 3, 4},
                new double[] {7, 5, 6},
                new double[] {8, 6, 6},
                new double[] {6, 4, 5}));
    assertThat(curve.part(0, 5)).isEqualTo(curve);
    assertThat(curve.part(2, 2).size()).isZero();
  }

  @Test
  void aPartOfACurveWithoutValidationLossesHasNoneEither() {
    assertThat(new Curve(RATES, LOSSES, SMOOTHED).part(3, 5))
        .isEqualTo(new Curve(new double[] {4, 5}, new double[] {6, 99}, new double[] {6, 50}));
  }

  @Test
  void pointsThatThereAreNotAreRefused() {
    assertThatThrownBy(() -> curve.part(-1, 3)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> curve.part(0, 6))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessageContaining("[0, 6)")
        .hasMessageContaining("5");
    assertThatThrownBy(() -> curve.part(3, 2)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void aPointsNumbersAreThoseOfTheArrays() {
    for (int i = 0; i < curve.size(); i++) {
      assertThat(curve.rate(i)).isEqualTo(RATES[i]);
      assertThat(curve.loss(i)).isEqualTo(LOSSES[i]);
      assertThat(curve.smoothedLoss(i)).isEqualTo(SMOOTHED[i]);
    }
    assertThatThrownBy(() -> curve.loss(5)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> curve.smoothedLoss(-1)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void aPartIsDrawnWithoutTheEnds() {
    LrPlot plot =
        LrPlot.of(curve.part(1, curve.size() - 1), SweepSettings.DEFAULTS, EndReason.COMPLETED);
    assertThat(plot.chart().getSeriesMap().values())
        .anySatisfy(series -> assertThat(series.getXData()).containsExactly(2, 3, 4))
        .allSatisfy(series -> assertThat(series.getXMax()).isLessThan(5));
  }
}

package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

class TrendTest {
  private static final SweepSettings SETTINGS = SweepSettings.DEFAULTS;

  @Test
  void itIsWhatWasJudgedAndOfTooFewLossesTheseThemselves() {
    double[] rates = new double[50];
    Arrays.setAll(rates, SETTINGS::rate);
    double[] losses = Arrays.stream(rates).map(lr -> 2 / (1 + 1e6 * lr)).toArray();
    Curve curve = new Curve(rates, losses, losses);
    assertThat(Trend.of(curve, SETTINGS))
        .isEqualTo(Descent.of(curve, SETTINGS).map(Descent::trend))
        .isPresent();
    double nan = Double.NaN;
    Curve few = new Curve(new double[] {1, 2, 3}, new double[] {5, nan, 4}, new double[] {5, 5, 5});
    assertThat(Trend.of(few, SETTINGS))
        .contains(new Trend(new double[] {1, 3}, new double[] {5, 4}));
    Curve none = new Curve(new double[] {1}, new double[] {nan}, new double[] {nan});
    assertThat(Trend.of(none, SETTINGS)).isEmpty();
  }

  @Test
  void lossesBetweenItsRatesAreInterpolatedAndOutsideThoseOfItsEnds() {
    Trend trend = new Trend(new double[] {1e-4, 1e-2}, new double[] {3, 1});
    assertThat(trend.at(1e-3)).isCloseTo(2, within(1e-12));
    assertThat(trend.at(1e-9)).isEqualTo(3);
    assertThat(trend.at(1)).isEqualTo(1);
    assertThat(trend.lastRate()).isEqualTo(1e-2);
    Trend linear = new Trend(new double[] {0, 0.2}, new double[] {3, 1});
    assertThat(linear.at(0.1)).isCloseTo(2, within(1e-12));
  }
}

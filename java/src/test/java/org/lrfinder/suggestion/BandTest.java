package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

class BandTest {
  private static final SweepSettings SETTINGS = SweepSettings.DEFAULTS;

  /** Of too few points for a trend: its losses are taken as they are. */
  private static Curve constant(double loss, int size) {
    double[] losses = new double[size];
    Arrays.fill(losses, loss);
    return new Curve(Arrays.copyOf(new double[] {1, 2, 3, 4}, size), losses, losses);
  }

  @Test
  void itIsOfMediansAndQuartilesAsLongAsMoreThanHalfOfTheCurves() {
    Band band =
        Band.of(
            List.of(constant(5, 4), constant(1, 2), constant(3, 4), constant(2, 3), constant(4, 2)),
            SETTINGS);
    assertThat(band.rates()).containsExactly(1, 2, 3);
    assertThat(band.low()).containsExactly(2, 2, 2.5);
    assertThat(band.median()).containsExactly(3, 3, 3);
    assertThat(band.high()).containsExactly(4, 4, 4);
  }

  @Test
  void curvesWithoutALossCountAsEnded() {
    Curve none = new Curve(new double[0], new double[0], new double[0]);
    assertThat(Band.of(List.of(none, constant(1, 4), constant(2, 3)), SETTINGS).size())
        .isEqualTo(3);
    assertThat(Band.of(List.of(none, constant(1, 4)), SETTINGS).size()).isZero();
    assertThat(Band.of(List.of(none), SETTINGS).size()).isZero();
  }

  @Test
  void itDoesNotLag() {
    // Zero from 1e-3 on: the running loss still says .38 at the end.
    List<Curve> curves =
        Stream.of(0.9, 1.0, 1.1)
            .map(
                top -> {
                  double[] rates = new double[100];
                  double[] losses = new double[100];
                  Arrays.setAll(rates, SETTINGS::rate);
                  Arrays.setAll(losses, i -> rates[i] < 1e-3 ? top : 0);
                  double[] running = new double[100];
                  double average = 0;
                  for (int i = 0; i < 100; i++) {
                    average = 0.98 * average + 0.02 * losses[i];
                    running[i] = average / (1 - Math.pow(0.98, i + 1));
                  }
                  return new Curve(rates, losses, running);
                })
            .toList();
    assertThat(curves.get(1).smoothedLosses()[99]).isGreaterThan(0.35);
    Band band = Band.of(curves, SETTINGS);
    assertThat(band.size()).isEqualTo(100);
    assertThat(band.median()[0]).isCloseTo(1, within(0.01));
    assertThat(band.low()[99]).isCloseTo(0, within(0.01));
    assertThat(band.median()[99]).isCloseTo(0, within(0.01));
    assertThat(band.high()[99]).isCloseTo(0, within(0.01));
  }
}

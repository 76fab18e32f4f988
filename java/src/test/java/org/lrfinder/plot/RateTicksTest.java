package org.lrfinder.plot;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;

class RateTicksTest {
  private static final double CLOSEST = 0.1;

  @ParameterizedTest
  @CsvSource({
    "1e-8, 1, true", // whole decades, every second one for want of room
    "1e-8, 1.2e-8, true", // the commonest STARTED_DIVERGED: two points
    "1.1e-3, 1.4e-3, true",
    "1e-3, 1e-2, true",
    "1.5e-3, 2.5e-3, true",
    "2e-4, 9e-3, true",
    "3e-3, 2e-2, true",
    "1e-300, 1e300, true",
    "1e-3, 1.0001e-3, true",
    "0, 1, false",
    "0, 3e-5, false",
    "1e-8, 1.5e-8, false",
    "0.001, 30, false",
    "100, 250000, false"
  })
  void severalRatesThatDifferHaveRoomAndAreWhatTheirLabelsSay(
      double low, double high, boolean logarithmic) {
    RateRange range = new RateRange(low, high, logarithmic);
    RateTicks ticks = RateTicks.of(range, CLOSEST);
    assertThat(ticks.labels()).hasSizeGreaterThanOrEqualTo(3).doesNotHaveDuplicates();
    assertThat(ticks.rates()).isSorted().hasSize(ticks.labels().size());
    for (int i = 0; i < ticks.rates().length; i++) {
      double rate = ticks.rates()[i];
      assertThat(Double.parseDouble(ticks.labels().get(i)))
          .isBetween(rate * (1 - 1e-9), rate * (1 + 1e-9));
      assertThat(range.share(rate)).isBetween(-1e-3, 1 + 1e-3);
      if (i > 0) {
        assertThat(range.share(rate) - range.share(ticks.rates()[i - 1]))
            .isGreaterThanOrEqualTo(CLOSEST);
      }
    }
  }

  @Test
  void wholeDecadesAndRoundNumbersAreChosen() {
    assertThat(RateTicks.of(new RateRange(1e-4, 1, true), 0.1).labels())
        .containsExactly("1e-04", "1e-03", "1e-02", "1e-01", "1e+00");
    assertThat(RateTicks.of(new RateRange(1e-3, 1.1e-2, true), 0.1).labels())
        .containsExactly("1e-03", "2e-03", "5e-03", "1e-02");
    assertThat(RateTicks.of(new RateRange(1.1e-3, 1.4e-3, true), 0.1).labels())
        .containsExactly("1.1e-03", "1.2e-03", "1.3e-03", "1.4e-03");
    assertThat(RateTicks.of(new RateRange(0, 1, false), 0.1).labels())
        .containsExactly("0", "0.2", "0.4", "0.6", "0.8", "1");
  }

  @Test
  void theyAreWrittenBelowTheData() {
    Curve two =
        new Curve(new double[] {1e-8, 1.2e-8}, new double[] {2, 400}, new double[] {2, 200});
    XYChart chart = LrPlot.of(two, SweepSettings.DEFAULTS, EndReason.DIVERGED).chart();
    BufferedImage image = BitmapEncoder.getBufferedImage(chart);
    double bottom = chart.getScreenYFromChart(chart.getStyler().getYAxisMin());
    int words = 0; // groups of dark columns more than a letter apart
    int light = 100;
    for (int x = 60; x < image.getWidth(); x++) {
      boolean dark = false;
      for (int y = (int) bottom + 26; y < bottom + 44; y++) {
        dark |= (image.getRGB(x, y) & 0xff) < 100;
      }
      words += dark && light > 15 ? 1 : 0;
      light = dark ? 0 : light + 1;
    }
    assertThat(words).isEqualTo(5);
  }
}

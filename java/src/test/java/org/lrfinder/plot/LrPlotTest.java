package org.lrfinder.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Band;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;

class LrPlotTest {
  @TempDir private Path folder;

  private static final Curve CURVE = curve(60);
  private static final Suggestion SUGGESTION =
      new Suggestion(
          CURVE.rates()[30],
          List.of(CURVE.rates()[30]),
          "steepest",
          30,
          CURVE.smoothedLosses()[30]);

  private static Curve curve(int size) {
    double[] rates = new double[size];
    double[] losses = new double[size];
    for (int i = 0; i < size; i++) {
      rates[i] = Math.pow(10, -6 + 6.0 * i / 59);
      losses[i] = 2 - 1.5 / (1 + Math.exp((30 - i) / 4.0)) + (i > 55 ? 40 * (i - 55) : 0);
    }
    double[] smoothed = losses.clone();
    Arrays.fill(smoothed, Math.min(56, size), size, 1);
    return new Curve(rates, losses, smoothed);
  }

  private static LrPlot plot(EndReason end) {
    return new LrPlot(CURVE, ScheduleMode.EXPONENTIAL, end, Optional.of(SUGGESTION));
  }

  @Test
  void aPictureIsWrittenAsPngAndSvg() throws Exception {
    Path png = folder.resolve("lr.PNG");
    Path svg = folder.resolve("lr.svg");
    plot(EndReason.COMPLETED).save(png);
    plot(EndReason.DIVERGED).withTitle("My sweep").withLabels("rate", "my loss").save(svg);
    assertThat(ImageIO.read(png.toFile()).getWidth()).isEqualTo(900);
    // Words are drawn as outlines; the suggestion is the red there is.
    assertThat(Files.readString(svg)).contains("<svg", "viewBox=\"0 0 900 600\"", "rgb(214,39,40)");
    assertThat(plot(EndReason.DIVERGED).withTitle("My sweep").chart().getTitle())
        .isEqualTo("My sweep");
    assertThat(plot(EndReason.DIVERGED).withLabels("rate", "my loss").chart().getYAxisTitle())
        .isEqualTo("my loss");
    assertThat(plot(EndReason.DIVERGED).chart().getSeriesMap()).containsKey("diverged at 1.00e+00");
    assertThatThrownBy(() -> plot(EndReason.COMPLETED).save(folder.resolve("lr.pdf")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a plot is saved as .png or .svg, not as lr.pdf");
  }

  @Test
  void aDivergenceDoesNotFlattenTheRest() {
    assertThat(plot(EndReason.DIVERGED).chart().getStyler().getYAxisMax()).isLessThan(3.0);
  }

  @Test
  void theSuggestionIsRedAndNamesItsValue() {
    assertThat(
            plot(EndReason.COMPLETED)
                .chart()
                .getSeriesMap()
                .get("suggestion 1.12e-03")
                .getMarkerColor()
                .getRed())
        .isGreaterThan(200);
    assertThat(
            new LrPlot(CURVE, ScheduleMode.EXPONENTIAL, EndReason.COMPLETED, Optional.empty())
                .chart()
                .getSeriesMap())
        .containsOnlyKeys("loss", "smoothed loss");
  }

  @Test
  void rangeRulesAndBandAreDrawnAndNamed() throws Exception {
    LrPlot plain = plot(EndReason.COMPLETED);
    Suggestion valley = new Suggestion(2e-4, List.of(2e-4), "valley", 20, 1.9);
    LrPlot marked =
        plain
            .withRange(LrRange.around(SUGGESTION.lr()))
            .withRules(List.of(SUGGESTION, valley))
            .withTitle("marked");
    assertThat(marked.chart().getSeriesMap())
        .containsOnlyKeys(
            "range 3.75e-04 to 3.37e-03",
            "loss",
            "smoothed loss",
            "valley 2.00e-04",
            "stem",
            "suggestion 1.12e-03");
    assertThat(differentPixels(plain, marked)).isGreaterThan(10_000);
    assertThat(differentPixels(plain, plain.withRange(LrRange.around(SUGGESTION.lr()))))
        .as("pixels of the shaded range")
        .isGreaterThan(25_000);
    assertThat(marked.toText(79, 18)).containsPattern("\\+-+=+-+\n");

    Curve other =
        new Curve(
            CURVE.rates(),
            CURVE.losses(),
            Arrays.stream(CURVE.smoothedLosses()).map(l -> l + 0.2).toArray());
    LrPlot band = plain.withBand(Band.of(List.of(CURVE, other)));
    assertThat(band.chart().getSeriesMap())
        .containsOnlyKeys(
            "loss", "quartiles of the repeats", "their median", "stem", "suggestion 1.12e-03");
    assertThat(differentPixels(plain, band)).isGreaterThan(3_000);
  }

  @Test
  void aRangeBeyondTheCurveIsDrawnAsFarAsItGoes() {
    for (LrRange range :
        List.of(new LrRange(1e-9, 1e-8), new LrRange(1e-3, 1e5), new LrRange(1e2, 1e3))) {
      LrPlot plot = plot(EndReason.COMPLETED).withRange(range);
      Assertions.assertTimeoutPreemptively(
          Duration.ofSeconds(30), () -> plot.save(folder.resolve("range.png")));
      assertThat(plot.chart().getSeriesMap().values())
          .allSatisfy(
              series -> assertThat(series.getXMax()).isLessThanOrEqualTo(CURVE.rates()[59]));
      assertThat(plot.toText(60, 12)).contains("O");
    }
  }

  @Test
  void aBandIsOfMediansAndQuartilesAsFarAsAllCurvesGo() {
    List<Curve> curves = new ArrayList<>();
    for (double loss : new double[] {5, 1, 3, 2, 4}) {
      int size = loss == 4 ? 2 : 3;
      double[] losses = new double[size];
      Arrays.fill(losses, loss);
      curves.add(new Curve(Arrays.copyOf(new double[] {1, 2, 3}, size), losses, losses));
    }
    Band band = Band.of(curves);
    assertThat(band.rates()).containsExactly(1, 2);
    assertThat(band.low()).containsExactly(2, 2);
    assertThat(band.median()).containsExactly(3, 3);
    assertThat(band.high()).containsExactly(4, 4);
  }

  private static int differentPixels(LrPlot one, LrPlot other) {
    BufferedImage a = BitmapEncoder.getBufferedImage(one.chart());
    BufferedImage b = BitmapEncoder.getBufferedImage(other.chart());
    int different = 0;
    for (int x = 0; x < a.getWidth(); x++) {
      for (int y = 0; y < a.getHeight(); y++) {
        different += a.getRGB(x, y) == b.getRGB(x, y) ? 0 : 1;
      }
    }
    return different;
  }

  @ParameterizedTest
  @EnumSource(ScheduleMode.class)
  void curvesOfAnySizeAreDrawn(ScheduleMode mode) {
    for (int size : new int[] {1, 2, 5, 60}) {
      LrPlot plot = new LrPlot(curve(size), mode, EndReason.NON_FINITE, Optional.empty());
      Assertions.assertTimeoutPreemptively(
          Duration.ofSeconds(30), () -> plot.save(folder.resolve("size" + size + ".png")));
      assertThat(plot.toText(60, 12)).contains("X");
    }
  }

  @Test
  void lossesThatAreNotFiniteOrConstantAreDrawn() {
    double[] rates = {1e-3, 1e-2, 1e-1};
    LrPlot odd =
        new LrPlot(
            new Curve(
                rates,
                new double[] {1, Double.NaN, Double.POSITIVE_INFINITY},
                new double[] {1, 1, 1}),
            ScheduleMode.EXPONENTIAL,
            EndReason.COMPLETED,
            Optional.empty());
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(30), () -> odd.save(folder.resolve("odd.png")));
    LrPlot zero =
        new LrPlot(
            new Curve(rates, new double[3], new double[3]),
            ScheduleMode.EXPONENTIAL,
            EndReason.COMPLETED,
            Optional.empty());
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(30), () -> zero.save(folder.resolve("zero.png")));
  }

  @Test
  void anEmptyCurveIsRefused() {
    Curve empty = new Curve(new double[0], new double[0], new double[0]);
    assertThatThrownBy(
            () -> new LrPlot(empty, ScheduleMode.LINEAR, EndReason.CANCELLED, Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the curve has no points to draw");
  }

  @Test
  void theTextPlotFitsAndShowsTheSuggestion() {
    String text = plot(EndReason.DIVERGED).toText(79, 18);
    assertThat(text.lines())
        .hasSize(18)
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(79));
    assertThat(text)
        .containsOnlyOnce("O")
        .containsOnlyOnce("X")
        .contains("*", ".")
        .contains("1.00e-06", "learning rate", "1.00e+00");
    assertThatThrownBy(() -> plot(EndReason.DIVERGED).toText(39, 18))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void validationLossesAreALineOfTheirOwnWithinTheFrame() {
    double[] rates = {1e-3, 1e-2, 1e-1};
    Curve curve =
        new Curve(rates, new double[] {3, 2, 1}, new double[] {3, 2, 1}, new double[] {2, 1, 0.5});
    XYChart chart =
        new LrPlot(curve, ScheduleMode.EXPONENTIAL, EndReason.COMPLETED, Optional.empty()).chart();
    assertThat(chart.getSeriesMap().get("validation loss").getYData()).containsExactly(2, 1, 0.5);
    assertThat(chart.getStyler().getYAxisMin()).isLessThan(0.5);
    Curve without = new Curve(rates, new double[] {3, 2, 1}, new double[] {3, 2, 1});
    assertThat(
            new LrPlot(without, ScheduleMode.EXPONENTIAL, EndReason.COMPLETED, Optional.empty())
                .chart()
                .getSeriesMap())
        .doesNotContainKey("validation loss");
  }
}

package org.lrfinder.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lrfinder.suggestion.Suggestion;
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
}

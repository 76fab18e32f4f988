package org.lrfinder.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Band;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;

class LrPlotTest {
  @TempDir private Path folder;

  private static final SweepSettings SETTINGS = settings(1e-6, 1, 60, ScheduleMode.EXPONENTIAL);
  private static final Curve CURVE = falling(60);
  private static final Descent DESCENT = Descent.of(CURVE, SETTINGS).orElseThrow();
  private static final String DIVERGED_AT =
      "diverged at " + Charts.value(Math.pow(10, DESCENT.end()));

  /** Its loss is the running one at that point, far above the losses. */
  private static final Suggestion SUGGESTION =
      Suggestion.of(CURVE, 2e-3, List.of(), "middle-of-fall");

  private static SweepSettings settings(double min, double max, int steps, ScheduleMode mode) {
    return SweepSettings.builder().minLr(min).maxLr(max).steps(steps).mode(mode).build();
  }

  /** Falls by three quarters around 1e-3, and diverges behind the 56th point. */
  private static Curve falling(int size) {
    return curve(
        SETTINGS,
        size,
        lr -> {
          double fallen = 2 - 1.5 / (1 + Math.exp(-(Math.log10(lr) + 3) * 4));
          return fallen + (lr > 0.4 ? 400 * lr - 160 : 0);
        });
  }

  private static Curve curve(SweepSettings settings, int size, DoubleUnaryOperator loss) {
    double[] rates = IntStream.range(0, size).mapToDouble(settings::rate).toArray();
    double[] losses = Arrays.stream(rates).map(loss).toArray();
    return new Curve(rates, losses, running(losses));
  }

  private static double[] running(double[] losses) {
    double[] running = new double[losses.length];
    double average = 0;
    for (int i = 0; i < losses.length; i++) {
      average = 0.98 * average + 0.02 * losses[i];
      running[i] = average / (1 - Math.pow(0.98, i + 1));
    }
    return running;
  }

  private static LrPlot plot(EndReason end) {
    return LrPlot.of(CURVE, SETTINGS, end).withSuggestion(SUGGESTION);
  }

  private static LrPlot plain(Curve curve, SweepSettings settings) {
    return LrPlot.of(curve, settings, EndReason.COMPLETED);
  }

  private static XYSeries series(LrPlot plot, String name) {
    Map<String, XYSeries> all = plot.chart().getSeriesMap();
    assertThat(all).containsKey(name);
    return all.get(name);
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
    assertThatThrownBy(() -> plot(EndReason.COMPLETED).save(folder.resolve("lr.pdf")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a plot is saved as .png or .svg, not as lr.pdf");
  }

  @Test
  void whatWasJudgedIsStrongAndTheLossesFaint() {
    XYSeries trend = series(plain(CURVE, SETTINGS), "trend");
    XYSeries losses = series(plain(CURVE, SETTINGS), "loss");
    assertThat(trend.getXData()).isEqualTo(DESCENT.trend().rates());
    int fallen = 40;
    assertThat(trend.getYData()[fallen]).isEqualTo(DESCENT.trend().losses()[fallen]);
    assertThat(trend.getYData()[fallen]).isLessThan(CURVE.smoothedLosses()[fallen] - 0.5);
    assertThat(losses.getYData()[fallen]).isEqualTo(CURVE.losses()[fallen]);
    assertThat(trend.getLineStyle().getLineWidth())
        .isGreaterThanOrEqualTo(2 * losses.getLineStyle().getLineWidth());
    assertThat(plain(CURVE, SETTINGS).chart().getSeriesMap())
        .containsOnlyKeys("loss", "trend", "half, 4/5, lowest", DIVERGED_AT);
  }

  @Test
  void theRunningLossIsDrawnOnRequestThinAndDashed() {
    XYSeries running = series(plain(CURVE, SETTINGS).withRunningLoss(), "running loss");
    assertThat(running.getYData()[40]).isEqualTo(CURVE.smoothedLosses()[40]);
    assertThat(running.getLineStyle().getDashArray()).isNotNull();
    assertThat(running.getLineStyle().getLineWidth()).isLessThan(2);
    assertThat(plain(CURVE, SETTINGS).withRunningLoss().toText(79, 18)).contains("~ running loss");
  }

  @ParameterizedTest
  @CsvSource({"middle-of-fall, false", "default, false", "steepest, true", "valley, true"})
  void theRunningLossIsDrawnWhereTheRuleLooksAtIt(String rule, boolean drawn) {
    double[] weight = {5};
    StepFunction step =
        StepFunction.of(
            lr -> {
              double loss = weight[0] * weight[0];
              weight[0] -= 2 * lr * weight[0];
              return loss;
            },
            () -> weight[0] = 5,
            () -> {});
    XYChart chart =
        LrFinder.builder().minLr(1e-5).maxLr(10).rule(rule).build().find(step).plot(true).chart();
    assertThat(chart.getSeriesMap().containsKey("running loss")).isEqualTo(drawn);
  }

  @Test
  void theSuggestionIsRedNamesItsValueAndLiesOnWhatWasJudged() {
    XYSeries point = series(plot(EndReason.COMPLETED), "suggestion 2.0e-03");
    assertThat(point.getMarkerColor().getRed()).isGreaterThan(200);
    assertThat(point.getXData()).containsExactly(2e-3);
    assertThat(point.getYData()).containsExactly(DESCENT.trend().at(2e-3));
    assertThat(SUGGESTION.loss()).isGreaterThan(DESCENT.trend().at(2e-3) + 0.3);
    assertThat(plain(CURVE, SETTINGS).chart().getSeriesMap().keySet())
        .noneMatch(name -> name.startsWith("suggestion"));
  }

  @Test
  void halfAndFourFifthsOfTheFallAndTheLowestPointAreMarkedOnIt() {
    XYSeries marks = series(plain(CURVE, SETTINGS), "half, 4/5, lowest");
    double[] rates =
        DoubleStream.of(DESCENT.half(), DESCENT.fourFifths(), DESCENT.lowest())
            .map(lr -> Math.pow(10, lr))
            .toArray();
    assertThat(marks.getXData()).containsExactly(rates, within(1e-12));
    assertThat(marks.getXData()).isSorted();
    assertThat(marks.getYData())
        .containsExactly(Arrays.stream(rates).map(DESCENT.trend()::at).toArray(), within(1e-12));
    assertThat(marks.getXData()[0]).isBetween(3e-4, 3e-3);
  }

  @Test
  void noiseHasNoFallToMark() {
    Random random = new Random(1);
    Curve noise = curve(SETTINGS, 60, lr -> 1 + 0.1 * random.nextGaussian());
    assertThat(Descent.of(noise, SETTINGS).orElseThrow().flat()).isTrue();
    assertThat(plain(noise, SETTINGS).chart().getSeriesMap()).containsOnlyKeys("loss", "trend");
    assertThat(plain(noise, SETTINGS).toText(79, 18)).doesNotContain("+ half");
  }

  @Test
  void theDivergenceIsMarkedWhereItWasSeenAndNotWhereTheSweepEnded() {
    XYSeries cross = series(plot(EndReason.DIVERGED), DIVERGED_AT);
    assertThat(cross.getXData()[0]).isCloseTo(Math.pow(10, DESCENT.end()), within(1e-12));
    assertThat(cross.getXData()[0]).isLessThan(CURVE.rate(59) / 1.5);
    Curve healthy = falling(50);
    assertThat(LrPlot.of(healthy, SETTINGS, EndReason.NON_FINITE).chart().getSeriesMap())
        .containsKey("not finite after 9.6e-02");
    assertThat(LrPlot.of(falling(3), SETTINGS, EndReason.DIVERGED).chart().getSeriesMap())
        .containsKey("diverged at 1.6e-06");
  }

  @Test
  void aDivergenceDoesNotFlattenTheRest() {
    assertThat(plot(EndReason.DIVERGED).chart().getStyler().getYAxisMax()).isLessThan(3.0);
  }

  @Test
  void noiseAroundTheFallIsWithinTheFrameAndAnOutlierIsNot() {
    Random random = new Random(1);
    Curve noisy =
        curve(
            SETTINGS,
            60,
            lr -> 2 - 1.5 / (1 + Math.exp(-(Math.log10(lr) + 2) * 4)) + random.nextGaussian() / 2);
    double[] losses = noisy.losses();
    losses[20] = 60;
    LrPlot plot = plain(new Curve(noisy.rates(), losses, running(losses)), SETTINGS);
    double low = plot.chart().getStyler().getYAxisMin();
    double high = plot.chart().getStyler().getYAxisMax();
    assertThat(Arrays.stream(losses).filter(loss -> loss >= low && loss <= high).count())
        .isGreaterThan(55);
    assertThat(high).isLessThan(6);
  }

  @Test
  void lossesTooFewForATrendAreStrongWithAPointEach() {
    for (int size : new int[] {1, 2, 7}) {
      LrPlot plot = plain(falling(size), SETTINGS);
      assertThat(plot.chart().getSeriesMap()).containsOnlyKeys("loss");
      XYSeries losses = series(plot, "loss");
      assertThat(losses.getYData()).containsExactly(falling(size).losses());
      assertThat(losses.getLineStyle().getLineWidth()).isGreaterThan(2);
      assertThat(losses.getMarker()).isSameAs(SmallMarker.DOT);
      assertThat(plot.toText(40, 8)).contains("* loss").doesNotContain("trend");
    }
  }

  @Test
  void rangeRulesAndBandAreDrawn() {
    LrPlot plain = plot(EndReason.COMPLETED);
    Suggestion valley = new Suggestion(2e-4, List.of(2e-4), "valley", 20, 1.9);
    LrPlot marked =
        plain
            .withRange(LrRange.around(SUGGESTION.lr(), 1))
            .withRules(List.of(SUGGESTION, valley))
            .withTitle("marked");
    assertThat(marked.chart().getSeriesMap())
        .containsOnlyKeys(
            "range",
            "loss",
            "trend",
            "half, 4/5, lowest",
            DIVERGED_AT,
            "valley 2.0e-04",
            "stem",
            "suggestion 2.0e-03");
    assertThat(differentPixels(plain, marked)).isGreaterThan(10_000);
    assertThat(differentPixels(plain, plain.withRange(LrRange.around(SUGGESTION.lr(), 1))))
        .as("pixels of the shaded range")
        .isGreaterThan(25_000);
    assertThat(marked.toText(79, 18)).containsPattern("\\+-+=+-+\n");

    Curve other = curve(SETTINGS, 60, lr -> falling(60).losses()[0] + 0.2);
    LrPlot band = plain.withBand(Band.of(List.of(CURVE, other), SETTINGS));
    assertThat(band.chart().getSeriesMap()).containsKeys("repeats' quartiles", "trend");
    assertThat(differentPixels(plain, band)).isGreaterThan(3_000);
  }

  @Test
  void aRuleIsNamedAtItsLineAndNotInTheLegend() {
    Suggestion valley = new Suggestion(2e-5, List.of(2e-5), "valley", 20, 1.9);
    LrPlot plot = plain(CURVE, SETTINGS).withRules(List.of(valley));
    assertThat(series(plot, "valley 2.0e-05").isShowInLegend()).isFalse();
    XYChart chart = plot.chart();
    BufferedImage image = BitmapEncoder.getBufferedImage(chart);
    int color = series(plot, "valley 2.0e-05").getLineColor().getRGB();
    double x = chart.getScreenXFromChart(2e-5);
    double y = chart.getScreenYFromChart(chart.getStyler().getYAxisMax());
    int beside = 0;
    for (int column = (int) x + 3; column < x + 100; column++) {
      for (int row = (int) y - 25; row < y + 5; row++) {
        beside += image.getRGB(column, row) == color ? 1 : 0;
      }
    }
    assertThat(beside).as("pixels of the name").isGreaterThan(10);
    assertThat(chart.getStyler().getYAxisMax())
        .as("room for it above the losses")
        .isGreaterThan(plain(CURVE, SETTINGS).chart().getStyler().getYAxisMax());
  }

  @Test
  void aRangeBeyondTheCurveIsDrawnAsFarAsItGoes() {
    for (LrRange range :
        List.of(new LrRange(1e-9, 1e-8), new LrRange(1e-3, 1e5), new LrRange(1e2, 1e3))) {
      LrPlot plot = plot(EndReason.COMPLETED).withRange(range);
      Assertions.assertTimeoutPreemptively(
          Duration.ofSeconds(30), () -> plot.save(folder.resolve("range.png")));
      assertThat(series(plot, "range").getXMin()).isGreaterThanOrEqualTo(CURVE.rate(0));
      assertThat(series(plot, "range").getXMax()).isLessThanOrEqualTo(CURVE.rate(59));
      assertThat(plot.toText(60, 12)).contains("O");
    }
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
  @ValueSource(ints = {1, 20})
  void aNoteStandsInTheUpperRightCornerAndNowhereElse(int times) {
    String note = "native engine, cuda:0 (a GPU)".repeat(times);
    BufferedImage without = BitmapEncoder.getBufferedImage(plain(CURVE, SETTINGS).chart());
    BufferedImage with =
        BitmapEncoder.getBufferedImage(plain(CURVE, SETTINGS).withNote(note).chart());
    int inTheCorner = 0;
    for (int x = 0; x < with.getWidth(); x++) {
      for (int y = 0; y < with.getHeight(); y++) {
        if (with.getRGB(x, y) != without.getRGB(x, y)) {
          assertThat(x).isBetween(560, 895);
          assertThat(y).isBetween(5, 25);
          inTheCorner++;
        }
      }
    }
    assertThat(inTheCorner).as("pixels of the note").isGreaterThan(50);
    assertThat(differentPixels(plain(CURVE, SETTINGS).withNote(""), plain(CURVE, SETTINGS)))
        .isZero();
  }

  @Test
  void whatComputedAResultIsItsPlotsNoteAndThatOfAnOverlayOnce() {
    LrFinderResult found = LrFinder.builder().build().find(StepFunction.of(lr -> 1));
    assertThat(found.plot(true).note()).isEqualTo("step function");
    assertThat(found.plot(false).withTitle("mine").withLabels("x", "y").note())
        .isEqualTo("step function");
    LrPlot one = plain(CURVE, SETTINGS).withNote("native engine, cpu");
    OverlayPlot overlay = OverlayPlot.of(Map.of("a", one, "b", one.withTitle("b")));
    OverlayPlot plainly = OverlayPlot.of(Map.of("a", one.withNote(""), "b", one.withNote("")));
    BufferedImage with = BitmapEncoder.getBufferedImage(overlay.chart());
    BufferedImage without = BitmapEncoder.getBufferedImage(plainly.chart());
    int first = 900;
    for (int x = 450; x < 900; x++) {
      for (int y = 0; y < 30; y++) {
        if (with.getRGB(x, y) != without.getRGB(x, y)) {
          first = Math.min(first, x);
        }
      }
    }
    assertThat(first).as("where a note of that length begins").isBetween(780, 820);
  }

  @Test
  void theLegendLiesBelowTheDataInAsManyLinesAsItTakes() {
    LrPlot full = plot(EndReason.DIVERGED).withRange(LrRange.around(2e-3, 1)).withRunningLoss();
    List<Double> heights = new ArrayList<>();
    for (int width : new int[] {1200, 900, 400}) {
      XYChart chart = full.chart();
      BufferedImage image = new BufferedImage(width, 600, BufferedImage.TYPE_INT_RGB);
      chart.paint(image.createGraphics(), width, 600);
      double bottom = chart.getScreenYFromChart(chart.getStyler().getYAxisMin());
      heights.add(new Legend(chart).getBounds().getHeight());
      double legend = 600 - heights.get(heights.size() - 1);
      assertThat(legend).isGreaterThan(bottom + 40); // the rates and their name are between
      int red = 0;
      for (int x = 0; x < width; x++) {
        for (int y = (int) legend; y < 600; y++) {
          red += image.getRGB(x, y) == 0xffd62728 ? 1 : 0;
        }
        for (int y : new int[] {(int) legend, 599}) {
          assertThat(image.getRGB(x, y)).as("nothing is cut").isEqualTo(0xffffffff);
        }
      }
      assertThat(red).as("pixels of the suggestion's mark in the legend").isGreaterThan(50);
      for (int y = (int) legend; y < 600; y++) {
        assertThat(image.getRGB(0, y)).as("nothing is cut").isEqualTo(0xffffffff);
        assertThat(image.getRGB(width - 1, y)).as("nothing is cut").isEqualTo(0xffffffff);
      }
    }
    assertThat(heights).as("one line, and two").isSorted().doesNotHaveDuplicates();
    XYChart chart = full.chart();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setLegendLayout(Styler.LegendLayout.Vertical);
    BitmapEncoder.getBufferedImage(chart);
    assertThat(new Legend(chart).getBounds().getWidth()).as("XChart's own").isLessThan(300);
  }

  @ParameterizedTest
  @EnumSource(ScheduleMode.class)
  void curvesOfAnySizeAreDrawn(ScheduleMode mode) {
    for (int size : new int[] {1, 2, 5, 60}) {
      LrPlot plot = LrPlot.of(falling(size), settings(1e-6, 1, 60, mode), EndReason.NON_FINITE);
      Assertions.assertTimeoutPreemptively(
          Duration.ofSeconds(30), () -> plot.save(folder.resolve("size" + size + ".png")));
      assertThat(plot.toText(60, 12)).contains("X");
    }
  }

  @Test
  void lossesThatAreNotFiniteAreLeftOut() {
    double[] rates = {1e-3, 1e-2, 1e-1};
    double[] losses = {1, Double.NaN, Double.POSITIVE_INFINITY};
    LrPlot odd = plain(new Curve(rates, losses, new double[] {1, 1, 1}), SETTINGS);
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(30), () -> odd.save(folder.resolve("odd.png")));
    assertThat(series(odd, "loss").getXData()).containsExactly(1e-3);
    double[] none = {Double.NaN, Double.NaN, Double.NaN};
    LrPlot nothing = plain(new Curve(rates, none, none), SETTINGS);
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(30), () -> nothing.save(folder.resolve("nothing.png")));
    assertThat(nothing.chart().getSeriesMap()).isEmpty();
    assertThat(nothing.toText(40, 8).lines().limit(5)).noneMatch(line -> line.contains("*"));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.6931471805599453, 0, -40, 1e-12, 1e6})
  void equalLossesAreALineInTheMiddle(double loss) {
    Random random = new Random(1);
    Curve equal = curve(SETTINGS, 60, lr -> loss + (random.nextInt(3) - 1) * Math.ulp(loss));
    LrPlot plot = plain(equal, SETTINGS);
    double low = plot.chart().getStyler().getYAxisMin();
    double high = plot.chart().getStyler().getYAxisMax();
    assertThat(high - low).isGreaterThan(Math.abs(loss) / 10);
    assertThat(Arrays.stream(series(plot, "trend").getYData()).boxed())
        .allSatisfy(y -> assertThat((y - low) / (high - low)).isCloseTo(0.5, within(0.01)));
    assertThat(plot.toText(79, 18).lines().limit(15).filter(line -> line.contains("*")))
        .singleElement()
        .satisfies(
            line -> assertThat(line.chars().filter(c -> c == '*').count()).isGreaterThan(60));
  }

  @Test
  void anEmptyCurveIsRefused() {
    Curve empty = new Curve(new double[0], new double[0], new double[0]);
    assertThatThrownBy(() -> LrPlot.of(empty, SETTINGS, EndReason.CANCELLED))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the curve has no points to draw");
  }

  @Test
  void theTextPlotFitsAndSaysWhatItsCharactersAre() {
    LrPlot plot =
        plot(EndReason.DIVERGED).withRange(LrRange.around(SUGGESTION.lr(), 1)).withRunningLoss();
    for (int[] size : new int[][] {{79, 18}, {40, 8}}) {
      String text = plot.toText(size[0], size[1]);
      assertThat(text.lines())
          .hasSize(size[1])
          .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(size[0]));
      assertThat(text)
          .contains("* trend", ". loss", "~ running loss", "+ half, 4/5, lowest")
          .contains("O suggestion", "X diverged", "= range")
          .contains("1.00e-06", "learning rate", "1.00e+00");
    }
    String drawn =
        plot(EndReason.DIVERGED).toText(79, 18).lines().limit(15).reduce("", String::concat);
    assertThat(drawn).containsOnlyOnce("O").containsOnlyOnce("X").contains(".", "+");
    assertThat(drawn.chars().filter(c -> c == '*').count()).isGreaterThan(50);
    assertThatThrownBy(() -> plot.toText(39, 18))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a text plot needs at least 40 columns and 8 rows, not 39 and 18");
  }

  @Test
  void theTextPlotsTrendDoesNotLag() {
    String foot =
        plot(EndReason.COMPLETED)
            .toText(79, 18)
            .lines()
            .skip(12)
            .limit(3)
            .reduce("", String::concat);
    // The losses lie at the foot from 3e-3 on; their running mean never comes near.
    assertThat(foot.chars().filter(c -> c == '*').count()).isGreaterThan(20);
  }

  @Test
  void theTextPlotsLabelsDiffer() {
    double[] rates = {1e-3, 1.00001e-3};
    double[] losses = {1000.001, 1000.0015};
    String text = plain(new Curve(rates, losses, losses), SETTINGS).toText(79, 18);
    assertThat(text).contains("1.00000e-03", "1.00001e-03");
    assertThat(text.lines().limit(15).map(line -> line.replaceAll("\\|.*", "").strip()))
        .filteredOn(label -> !label.isEmpty())
        .hasSize(3)
        .doesNotHaveDuplicates();
  }

  @Test
  void validationLossesAreALineOfTheirOwnWithinTheFrame() {
    double[] rates = {1e-3, 1e-2, 1e-1};
    Curve curve =
        new Curve(rates, new double[] {3, 2, 1}, new double[] {3, 2, 1}, new double[] {2, 1, 0.5});
    XYChart chart = plain(curve, SETTINGS).chart();
    assertThat(chart.getSeriesMap().get("validation loss").getYData()).containsExactly(2, 1, 0.5);
    assertThat(chart.getStyler().getYAxisMin()).isLessThanOrEqualTo(0.5);
    Curve without = new Curve(rates, new double[] {3, 2, 1}, new double[] {3, 2, 1});
    assertThat(plain(without, SETTINGS).chart().getSeriesMap())
        .doesNotContainKey("validation loss");
  }

  @Test
  void lossesNearTheLargestNumbersAreDrawn() {
    double[] rates = {1e-4, 1e-3, 1e-2};
    for (double[] losses : new double[][] {{1e308, 1e308, 1e308}, {1e308, -1e308, 1e308}}) {
      LrPlot plot = LrPlot.of(new Curve(rates, losses, losses), SETTINGS, EndReason.COMPLETED);
      plot.save(folder.resolve("large.png"));
      assertThat(folder.resolve("large.png")).isNotEmptyFile();
    }
  }

  @Test
  void aSuggestionBeyondTheCurvesEndIsMarkedAtItsEdge() {
    Curve part = CURVE.part(0, 20);
    LrPlot plot = LrPlot.of(part, SETTINGS, EndReason.COMPLETED).withSuggestion(SUGGESTION);
    assertThat(SUGGESTION.lr()).isGreaterThan(part.rate(19));
    XYSeries point = plot.chart().getSeriesMap().get("suggestion " + Charts.value(SUGGESTION.lr()));
    assertThat(point.getXData()).containsExactly(part.rate(19));
  }

  @Test
  void anOverlayReachesToItsSuggestions() {
    Suggestion high = Suggestion.of(CURVE, CURVE.rate(59), List.of(), "last");
    OverlayPlot plot = OverlayPlot.of(Map.of("one", plain(CURVE, SETTINGS).withSuggestion(high)));
    XYChart chart = plot.chart();
    assertThat(chart.getSeriesMap().get("suggestion of one").getXData()).containsExactly(high.lr());
    assertThat(chart.getStyler().getXAxisMax()).isGreaterThanOrEqualTo(high.lr());
  }
}

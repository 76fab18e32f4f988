package org.lrfinder.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.knowm.xchart.XYChart;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;

class SvgPictureTest {
  private static LrPlot plot(ScheduleMode mode) {
    SweepSettings settings =
        SweepSettings.builder().minLr(1e-6).maxLr(1).steps(80).mode(mode).build();
    double[] rates = IntStream.range(0, 80).mapToDouble(settings::rate).toArray();
    double[] losses = new double[80];
    for (int i = 0; i < losses.length; i++) {
      double fallen = 2 - 1.5 / (1 + Math.exp(-(i - 40) / 4.0));
      losses[i] = fallen + (i > 70 ? i - 70 : 0) + 0.01 * Math.sin(i);
    }
    Curve curve = new Curve(rates, losses, losses);
    Suggestion suggestion = Suggestion.of(curve, rates[40], List.of(), "rule");
    return LrPlot.of(curve, settings, EndReason.DIVERGED)
        .withTitle("a title & <more>")
        .withRange(new LrRange(rates[38], rates[45]))
        .withSuggestion(suggestion);
  }

  private static String only(String pattern, String text) {
    List<String> found = all(pattern, text);
    assertThat(found).hasSize(1);
    return found.get(0);
  }

  private static List<String> all(String pattern, String text) {
    return Pattern.compile(pattern)
        .matcher(text)
        .results()
        .map((MatchResult m) -> m.group(1))
        .toList();
  }

  private static double place(SvgPicture picture, String edge) {
    return Double.parseDouble(only("data-" + edge + "=\"([^\"]*)\"", picture.element()));
  }

  @ParameterizedTest
  @EnumSource
  void valuesLieWhereTheChartPutsThem(ScheduleMode mode) {
    LrPlot plot = plot(mode);
    SvgPicture picture = plot.toSvg("one", 900, 600);
    XYChart chart = plot.withTitle("").chart();
    Charts.svg(chart);
    double left = place(picture, "left");
    double right = place(picture, "right");
    double top = place(picture, "top");
    double bottom = place(picture, "bottom");
    assertThat(right).isGreaterThan(left + 500);
    assertThat(bottom).isGreaterThan(top + 300);
    Curve curve = plot.judged().curve();
    for (int i = 0; i < curve.size(); i++) {
      assertThat(left + picture.across(curve.rate(i)) * (right - left))
          .isCloseTo(chart.getScreenXFromChart(curve.rate(i)), within(0.02));
      double loss = Math.min(curve.loss(i), chart.getStyler().getYAxisMax());
      assertThat(top + picture.down(curve.loss(i)) * (bottom - top))
          .isCloseTo(chart.getScreenYFromChart(loss), within(0.02));
    }
    assertThat(picture.across(1e9)).isEqualTo(1);
    assertThat(picture.down(Double.NaN)).isZero();
  }

  @Test
  void itFitsIntoAPage() {
    String element = plot(ScheduleMode.EXPONENTIAL).toSvg("my-id", 900, 600).element();
    assertThat(element).startsWith("<svg ").endsWith("</svg>").contains("viewBox=\"0 0 900 600\"");
    assertThat(all("( style=)", element)).as("what a policy drops").isEmpty();
    assertThat(all("(<svg[^>]* width=)", element)).as("it takes the width there is").isEmpty();
    List<String> ids = all(" id=\"([^\"]*)\"", element);
    assertThat(ids).hasSizeGreaterThan(2).allMatch(id -> id.startsWith("my-id-"));
    assertThat(all("url\\(#([^)]*)\\)", element)).isNotEmpty().isSubsetOf(ids);
    assertThat(only("<title[^>]*>([^<]*)<", element)).isEqualTo("a title &amp; &lt;more&gt;");
    assertThat(only("<desc[^>]*>([^<]*)<", element))
        .startsWith("loss over learning rate from 1.0e-06 to 1.0e+00, on a logarithmic axis.")
        .contains("The trend begins at 2.0", " Marked: diverged at ", " Suggestion: ");
    assertThat(element).hasSizeLessThan(100_000);
  }

  /** XChart draws a line for each part of a curve. */
  @Test
  void aCurveIsOneLineWithAPointForEachStep() {
    String element = plot(ScheduleMode.EXPONENTIAL).toSvg("id", 900, 600).element();
    assertThat(all("<polyline[^>]* points=\"([^\"]*)\"", element))
        .anySatisfy(points -> assertThat(points.split(" ")).hasSize(80));
    assertThat(all("(stroke-opacity=\"0\")", element)).isEmpty();
  }

  @Test
  void twoPicturesOfAPageShareNoId() {
    LrPlot plot = plot(ScheduleMode.EXPONENTIAL);
    OverlayPlot both = OverlayPlot.of(new TreeMap<>(Map.of("a", plot, "b", plot)));
    String page =
        plot.toSvg("one", 900, 600).element()
            + plot.toSvg("two", 400, 400).element()
            + both.toSvg("three", 400, 400).element();
    assertThat(all(" id=\"([^\"]*)\"", page)).doesNotHaveDuplicates();
    assertThat(page).contains("a: 1.1e-03; b: 1.1e-03");
  }

  @ParameterizedTest
  @CsvSource({"319, 320, id", "320, 319, id", "320, 320, 1id", "320, 320, 'a b'", "320, 320, ''"})
  void whatIsTooSmallOrNoIdIsRefused(int width, int height, String id) {
    LrPlot plot = plot(ScheduleMode.EXPONENTIAL);
    assertThat(plot.toSvg("id", 320, 320).element()).isNotEmpty();
    for (Runnable drawn :
        List.<Runnable>of(
            () -> plot.toSvg(id, width, height),
            () -> OverlayPlot.of(Map.of("a", plot)).toSvg(id, width, height))) {
      assertThatThrownBy(drawn::run)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("must be ");
    }
  }
}

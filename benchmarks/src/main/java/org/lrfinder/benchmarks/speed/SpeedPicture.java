package org.lrfinder.benchmarks.speed;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.benchmarks.Summary;

/** The tables' figures as pictures, which need no display. */
final class SpeedPicture {
  private static final double MICROS_PER_MILLI = 1000;
  private static final double LEAST = 0.5; // of the ratios' axis
  private static final List<String> SUBJECTS =
      List.of("1x64", "20x64", "2x512", "cnn-8x8", "encoder-layer", "lstm", "gru");
  private static final Map<String, Color> COLORS =
      Map.of(
          Contenders.NATIVE,
          new Color(0xd62728),
          Contenders.AUTOGRAD,
          new Color(0xf0a0a0),
          Contenders.NAIVE,
          new Color(0x1f4e9c),
          Contenders.PLAIN,
          new Color(0x2e8b57),
          Contenders.BARE,
          new Color(0x95c8a8),
          "Lightning",
          new Color(0x7b3fa0),
          "torch-lr-finder",
          new Color(0xe08214),
          "fastai",
          new Color(0x2aa7b8),
          "Ignite",
          new Color(0x8c6d31),
          "bare Python",
          new Color(0x6f6f6f));

  private SpeedPicture() {}

  /**
   * How many times as long the others take for a sweep on one thread, with quartiles.
   *
   * @return whether there was anything to draw
   */
  static boolean ratios(Rows rows, Path file) throws IOException {
    XYChart chart = chart("A sweep, one thread, MKL", "", "times as long as lrfinder", 1000, 520);
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
    chart.getStyler().setXAxisMin(-0.6);
    chart.getStyler().setXAxisMax(SUBJECTS.size() - 0.4);
    chart.getStyler().setXAxisTicksVisible(false); // it has no words for numbers
    for (int i = 0; i < SUBJECTS.size(); i++) {
      chart.addAnnotation(new AnnotationText(SUBJECTS.get(i), i, LEAST * 1.15, false));
    }
    List<String> contenders =
        rows.where(row -> row.figure().equals(Figure.SWEEP.key())).contenders().stream()
            .filter(name -> COLORS.containsKey(name) && !name.equals(Contenders.NATIVE))
            .toList();
    double most = 1;
    for (String contender : contenders) {
      List<Double> x = new ArrayList<>();
      List<Double> y = new ArrayList<>();
      List<Double> spread = new ArrayList<>();
      for (int i = 0; i < SUBJECTS.size(); i++) {
        Rows sweeps = rows.of(Setting.MKL_ONE, Figure.SWEEP.key(), SUBJECTS.get(i));
        Optional<Summary> ratio =
            sweeps.xs().stream()
                .max(Integer::compare)
                .flatMap(steps -> sweeps.ratio(contender, Contenders.NATIVE, steps));
        if (ratio.isPresent()) {
          x.add(i + (contenders.indexOf(contender) - (contenders.size() - 1) / 2.0) * 0.08);
          y.add(ratio.get().median());
          spread.add((ratio.get().upperQuartile() - ratio.get().lowerQuartile()) / 2);
          most = Math.max(most, ratio.get().upperQuartile());
        }
      }
      if (!x.isEmpty()) {
        style(chart.addSeries(contender, x, y, spread), contender);
      }
    }
    if (chart.getSeriesMap().isEmpty()) {
      return false;
    }
    chart.getStyler().setYAxisMin(LEAST);
    chart.getStyler().setYAxisMax(most * 1.3);
    BitmapEncoder.saveBitmap(chart, file.toString(), BitmapFormat.PNG);
    return true;
  }

  /**
   * How sweeps grow, a curve for each contender.
   *
   * @return whether there was anything to draw
   */
  static boolean growth(Rows rows, Path file) throws IOException {
    Rows growth = rows.where(row -> row.figure().equals(Figure.GROWTH.key()));
    List<XYChart> charts = new ArrayList<>();
    for (String curve : growth.subjects()) {
      Rows own = growth.where(row -> row.subject().equals(curve));
      XYChart chart = chart("", curve, "milliseconds a sweep", 560, 380);
      chart.getStyler().setYAxisLogarithmic(true);
      chart.getStyler().setXAxisLogarithmic(true);
      for (String contender : own.contenders()) {
        List<Double> x = new ArrayList<>();
        List<Double> y = new ArrayList<>();
        for (int point : own.xs()) {
          own.summary(contender, point)
              .ifPresent(
                  micros -> {
                    x.add((double) point);
                    y.add(micros.median() / MICROS_PER_MILLI);
                  });
        }
        if (!x.isEmpty()) {
          style(chart.addSeries(contender, x, y), contender);
        }
      }
      charts.add(chart);
    }
    if (charts.size() != 4) {
      return false;
    }
    BitmapEncoder.saveBitmap(charts, 2, 2, file.toString(), BitmapFormat.PNG);
    return true;
  }

  private static XYChart chart(String title, String x, String y, int width, int height) {
    XYChart chart =
        new XYChartBuilder()
            .width(width)
            .height(height)
            .title(title)
            .xAxisTitle(x)
            .yAxisTitle(y)
            .build();
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setMarkerSize(7);
    return chart;
  }

  private static void style(XYSeries series, String contender) {
    Color color = COLORS.getOrDefault(contender, Color.BLACK);
    series.setMarker(SeriesMarkers.CIRCLE);
    series.setMarkerColor(color);
    series.setLineColor(color);
  }
}

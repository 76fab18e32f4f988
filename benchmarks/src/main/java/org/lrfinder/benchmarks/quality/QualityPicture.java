package org.lrfinder.benchmarks.quality;

import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** What answers lose, against the steps that they took. */
final class QualityPicture {
  private static final double MOST = 1;
  private static final double LEAST = 0.01;
  private static final Map<String, Color> COLORS = new LinkedHashMap<>();

  static {
    COLORS.put(Measurement.BY_DEFAULT, new Color(0xd62728));
    COLORS.put(Measurement.OURS, new Color(0xf0a0a0));
    COLORS.put("Lightning 0.8.1", new Color(0x7b3fa0));
    COLORS.put("Lightning 2.6.6", new Color(0xb79ad0));
    COLORS.put("torch-lr-finder", new Color(0xe08214));
    COLORS.put("fastai's valley", new Color(0x2aa7b8));
    COLORS.put("fastai's slide", new Color(0x1f4e9c));
    COLORS.put("fastai's minimum", new Color(0x2e8b57));
    COLORS.put("fastai's steep", new Color(0x8c6d31));
  }

  private QualityPicture() {}

  static void save(List<Row> rows, List<Integer> steps, Path file) throws IOException {
    List<Row> counted = rows.stream().filter(row -> row.truth().worthwhile()).toList();
    List<Finder> finders = Finder.all(rows, steps, Finder.fitted(rows));
    List<XYChart> charts = new ArrayList<>();
    for (String folder : counted.stream().map(Row::folder).distinct().toList()) {
      charts.add(
          chart(folder, counted.stream().filter(r -> r.folder().equals(folder)).toList(), finders));
    }
    int columns = Math.min(2, charts.size());
    BitmapEncoder.saveBitmap(
        charts,
        (charts.size() + columns - 1) / columns,
        columns,
        file.toString(),
        BitmapFormat.PNG);
  }

  private static XYChart chart(String folder, List<Row> rows, List<Finder> finders) {
    XYChart chart =
        new XYChartBuilder()
            .width(620)
            .height(420)
            .title("%s, %d tasks".formatted(folder, rows.size()))
            .xAxisTitle("steps taken")
            .yAxisTitle("regret")
            .build();
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setYAxisMin(LEAST);
    chart.getStyler().setYAxisMax(MOST);
    chart.getStyler().setXAxisMin(0d);
    chart.getStyler().setMarkerSize(7);
    Map<String, List<Score>> curves = new LinkedHashMap<>();
    double most = 0;
    for (Finder finder : finders) {
      if (COLORS.containsKey(finder.name())) {
        Score score = Score.of(finder, rows);
        most = Math.max(most, score.spent());
        curves.computeIfAbsent(finder.name(), name -> new ArrayList<>()).add(score);
      }
    }
    curves.forEach(
        (name, scores) -> {
          XYSeries series =
              chart.addSeries(
                  name,
                  scores.stream().mapToDouble(Score::spent).toArray(),
                  scores.stream().mapToDouble(s -> Math.max(s.regret(), LEAST)).toArray());
          series.setMarker(
              name.equals(Measurement.BY_DEFAULT) ? SeriesMarkers.DIAMOND : SeriesMarkers.CIRCLE);
          series.setMarkerColor(COLORS.get(name));
          series.setLineColor(COLORS.get(name));
        });
    for (Finder finder : finders) {
      if (finder.name().equals(Finder.CONSTANTS)) {
        double regret = Math.max(Score.of(finder, rows).regret(), LEAST);
        XYSeries line =
            chart.addSeries(finder.name(), new double[] {0, most}, new double[] {regret, regret});
        line.setMarker(SeriesMarkers.NONE);
        line.setLineColor(Color.DARK_GRAY);
        line.setLineStyle(new BasicStroke(1.5f, 0, 0, 10, new float[] {6, 4}, 0));
      }
    }
    return chart;
  }
}

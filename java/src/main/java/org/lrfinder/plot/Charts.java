package org.lrfinder.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.io.AtomicFile;
import org.lrfinder.sweep.ScheduleMode;

/** How the library's charts look and are saved. */
final class Charts {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 600;
  private static final Color GRID = new Color(0xe4e4e4);
  private static final float[] DASHES = {5, 4};
  private static final Color NONE = new Color(0, 0, 0, 0);

  private Charts() {}

  static XYChart empty(
      String title, String rateLabel, String lossLabel, ScheduleMode mode, LossRange losses) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(rateLabel)
            .yAxisTitle(lossLabel)
            .build();
    XYStyler styler = chart.getStyler();
    styler.setLocale(Locale.ROOT);
    styler.setXAxisLogarithmic(mode == ScheduleMode.EXPONENTIAL);
    if (mode == ScheduleMode.EXPONENTIAL) {
      styler.setXAxisDecimalPattern("0E0");
    }
    styler.setYAxisMin(losses.low());
    styler.setYAxisMax(losses.high());
    styler.setLegendPosition(Styler.LegendPosition.InsideSW);
    styler.setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 16));
    styler.setLegendBorderColor(GRID);
    styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 20));
    styler.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 17));
    styler.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 15));
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotGridLinesColor(GRID);
    styler.setPlotGridLinesStroke(new BasicStroke(1f));
    styler.setPlotBorderVisible(false);
    styler.setMarkerSize(11);
    return chart;
  }

  static XYSeries line(
      XYChart chart, String name, double[] x, double[] y, Color color, float width) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE).setLineColor(color).setLineWidth(width);
    return series;
  }

  static XYSeries dashed(XYChart chart, String name, double[] x, double[] y, Color color) {
    XYSeries series = line(chart, name, x, y, color, 1.2f);
    series.setLineStyle(
        new BasicStroke(1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 1f, DASHES, 0));
    return series;
  }

  static XYSeries point(
      XYChart chart, String name, double x, double y, Color color, Marker marker) {
    XYSeries series = chart.addSeries(name, new double[] {x}, new double[] {y});
    series.setMarker(marker).setMarkerColor(color).setLineColor(color);
    return series;
  }

  /** A filled polygon without an outline. */
  static XYSeries area(XYChart chart, String name, double[] x, double[] y, Color color) {
    XYSeries series = line(chart, name, x, y, NONE, 0f);
    series.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.PolygonArea);
    series.setFillColor(color);
    return series;
  }

  static void save(XYChart chart, Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      if (name.endsWith(".png")) {
        BitmapEncoder.saveBitmap(chart, bytes, BitmapEncoder.BitmapFormat.PNG);
      } else if (name.endsWith(".svg")) {
        VectorGraphicsEncoder.saveVectorGraphic(
            chart, bytes, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
      } else {
        throw new IllegalArgumentException(
            "a plot is saved as .png or .svg, not as " + file.getFileName());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    AtomicFile.write(file, bytes.toByteArray());
  }

  static String value(double rate) {
    return String.format(Locale.ROOT, "%.2e", rate);
  }
}

package org.lrfinder.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.font.TextLayout;
import java.awt.geom.AffineTransform;
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
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.internal.io.AtomicFile;

/** How the library's charts look and are saved. */
final class Charts {
  static final int WIDTH = 900;
  static final int HEIGHT = 600;

  private static final Color GRID = new Color(0xe4e4e4);
  private static final float[] DASHES = {5, 4};
  private static final Color NONE = new Color(0, 0, 0, 0);

  /** A chart with a legend of its own. */
  private static final class Picture extends XYChart {
    Picture(XYChartBuilder builder) {
      super(builder);
      legend = new Legend(this);
    }
  }

  private Charts() {}

  /** Makes an empty chart of that size over these rates and losses. */
  static XYChart empty(
      int width,
      int height,
      String title,
      String rateLabel,
      String lossLabel,
      RateRange rates,
      LossRange losses) {
    XYChart chart =
        new Picture(
            new XYChartBuilder()
                .width(width)
                .height(height)
                .title(title)
                .xAxisTitle(rateLabel)
                .yAxisTitle(lossLabel));
    XYStyler styler = chart.getStyler();
    styler.setLocale(Locale.ROOT);
    styler.setChartTitleVisible(!title.isEmpty());
    styler.setXAxisLogarithmic(rates.logarithmic());
    styler.setXAxisMin(rates.low());
    styler.setXAxisMax(rates.high());
    styler.setYAxisMin(losses.low());
    styler.setYAxisMax(losses.high());
    styler.setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 15));
    styler.setLegendPosition(Styler.LegendPosition.OutsideS);
    styler.setLegendLayout(Styler.LegendLayout.Horizontal);
    styler.setLegendBorderColor(NONE);
    styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 20));
    styler.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 17));
    styler.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 15));
    styler.setYAxisLabelAlignment(AxesChartStyler.TextAlignment.Right);
    styler.setXAxisTickLabelsColor(NONE); // they keep room for those of the rates' own axis
    styler.setXAxisTickMarksColor(NONE);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotGridLinesColor(GRID);
    styler.setPlotGridLinesStroke(new BasicStroke(1f));
    styler.setPlotGridVerticalLinesVisible(false);
    styler.setPlotBorderVisible(false);
    styler.setMarkerSize(11);
    chart.addAnnotation(new RateAxis(rates));
    return chart;
  }

  /** Adds a small line in the corner, if there is anything to say. */
  static void note(XYChart chart, String words) {
    if (!words.isEmpty()) {
      chart.addAnnotation(new Note(words));
    }
  }

  static XYSeries line(
      XYChart chart, String name, double[] x, double[] y, Color color, float width) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE).setLineColor(color);
    series.setLineStyle(new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    return series;
  }

  static XYSeries dashed(XYChart chart, String name, double[] x, double[] y, Color color) {
    XYSeries series = line(chart, name, x, y, color, 1.2f);
    series.setLineStyle(
        new BasicStroke(1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 1f, DASHES, 0));
    series.setSmooth(true); // as one path, so that its dashes do not begin anew at each point
    return series;
  }

  static XYSeries points(
      XYChart chart, String name, double[] x, double[] y, Color color, Marker marker) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
    series.setMarker(marker).setMarkerColor(color);
    return series;
  }

  static XYSeries point(
      XYChart chart, String name, double x, double y, Color color, Marker marker) {
    return points(chart, name, new double[] {x}, new double[] {y}, color, marker);
  }

  /** Adds a filled polygon without an outline. */
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
        bytes.writeBytes(svg(chart));
      } else {
        throw new IllegalArgumentException(
            "a plot is saved as .png or .svg, not as " + file.getFileName());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    AtomicFile.write(file, bytes.toByteArray());
  }

  /** Draws the chart, which thereafter knows where in the picture its values lie. */
  static byte[] svg(XYChart chart) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      VectorGraphicsEncoder.saveVectorGraphic(
          chart, bytes, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  static String value(double rate) {
    return String.format(Locale.ROOT, "%.1e", rate);
  }

  static Shape outline(Graphics2D g, Font font, String text) {
    return new TextLayout(text, font, g.getFontRenderContext()).getOutline(null);
  }

  static void fill(Graphics2D g, Shape shape, double x, double y) {
    Object hint = g.getRenderingHint(RenderingHints.KEY_ANTIALIASING);
    g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    g.fill(AffineTransform.getTranslateInstance(x, y).createTransformedShape(shape));
    g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, hint);
  }
}

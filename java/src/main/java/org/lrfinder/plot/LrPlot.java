package org.lrfinder.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
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
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;

/**
 * A picture of a curve: the losses faint, the smoothed losses strong, the suggestion in red with
 * its value, and where the sweep diverged. The rates' axis is logarithmic if they are. Losses far
 * above the smoothed ones are drawn at the upper edge, so that a divergence does not flatten the
 * rest.
 *
 * <p>It needs no display. Immutable; thread-safe.
 */
public final class LrPlot {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 600;
  private static final Color RAW = new Color(0xa9bcd8);
  private static final Color SMOOTHED = new Color(0x1f4e9c);
  private static final Color SUGGESTED = new Color(0xd62728);
  private static final Color DIVERGED = new Color(0x444444);
  private static final Color GRID = new Color(0xe4e4e4);
  private static final double HEADROOM = 0.35; // above the falling part, relative to its span
  private static final double MARGIN = 0.05;

  private final Curve curve;
  private final ScheduleMode mode;
  private final EndReason endReason;
  private final Optional<Suggestion> suggestion;
  private final String title;
  private final String rateLabel;
  private final String lossLabel;

  /**
   * Creates a plot.
   *
   * @param curve what to draw, at least one point
   * @param mode of the sweep: exponential draws a logarithmic axis
   * @param endReason why the sweep ended: a divergence is marked
   * @param suggestion marked by a red point, if present
   * @throws IllegalArgumentException if the curve is empty
   */
  public LrPlot(
      Curve curve, ScheduleMode mode, EndReason endReason, Optional<Suggestion> suggestion) {
    this(curve, mode, endReason, suggestion, "Learning rate finder", "learning rate", "loss");
  }

  private LrPlot(
      Curve curve,
      ScheduleMode mode,
      EndReason endReason,
      Optional<Suggestion> suggestion,
      String title,
      String rateLabel,
      String lossLabel) {
    if (curve.size() == 0) {
      throw new IllegalArgumentException("the curve has no points to draw");
    }
    this.curve = curve;
    this.mode = Objects.requireNonNull(mode, "mode");
    this.endReason = Objects.requireNonNull(endReason, "endReason");
    this.suggestion = Objects.requireNonNull(suggestion, "suggestion");
    this.title = Objects.requireNonNull(title, "title");
    this.rateLabel = Objects.requireNonNull(rateLabel, "rateLabel");
    this.lossLabel = Objects.requireNonNull(lossLabel, "lossLabel");
  }

  /**
   * Sets the title.
   *
   * @param newTitle default "Learning rate finder"
   * @return a plot like this one with that title
   */
  public LrPlot withTitle(String newTitle) {
    return new LrPlot(curve, mode, endReason, suggestion, newTitle, rateLabel, lossLabel);
  }

  /**
   * Sets the axes' labels.
   *
   * @param newRateLabel default "learning rate"
   * @param newLossLabel default "loss"
   * @return a plot like this one with those labels
   */
  public LrPlot withLabels(String newRateLabel, String newLossLabel) {
    return new LrPlot(curve, mode, endReason, suggestion, title, newRateLabel, newLossLabel);
  }

  /**
   * Writes the picture, 900 by 600 points, by atomic rename.
   *
   * @param file where to; its name ends in {@code .png} or {@code .svg}, its folder must exist
   * @throws IllegalArgumentException if the name has another ending
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public void save(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      if (name.endsWith(".png")) {
        BitmapEncoder.saveBitmap(chart(), bytes, BitmapEncoder.BitmapFormat.PNG);
      } else if (name.endsWith(".svg")) {
        VectorGraphicsEncoder.saveVectorGraphic(
            chart(), bytes, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
      } else {
        throw new IllegalArgumentException(
            "a plot is saved as .png or .svg, not as " + file.getFileName());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    AtomicFile.write(file, bytes.toByteArray());
  }

  /**
   * Hands out the chart, to be changed or shown by other means.
   *
   * @return a new chart each time, for one thread at a time
   */
  public XYChart chart() {
    double[] rates = curve.rates();
    double[] smoothed = curve.smoothedLosses();
    Range range = Range.of(curve);

    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(rateLabel)
            .yAxisTitle(lossLabel)
            .build();
    style(chart.getStyler(), range);
    line(chart, "loss", rates, range.clamp(curve.losses()), RAW, 1.5f);
    line(chart, "smoothed loss", rates, range.clamp(smoothed), SMOOTHED, 3f);
    if (endReason == EndReason.DIVERGED || endReason == EndReason.NON_FINITE) {
      int last = rates.length - 1;
      String what = endReason == EndReason.DIVERGED ? "diverged at " : "last finite loss at ";
      point(
          chart,
          what + value(rates[last]),
          rates[last],
          range.clamp(smoothed[last]),
          DIVERGED,
          SeriesMarkers.CROSS);
    }
    suggestion.ifPresent(
        s -> {
          double[] foot = {s.lr(), s.lr()};
          XYSeries stem =
              line(
                  chart,
                  "stem",
                  foot,
                  new double[] {range.low, range.clamp(s.loss())},
                  SUGGESTED,
                  1.2f);
          stem.setLineStyle(
              new BasicStroke(
                  1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 1f, new float[] {5, 4}, 0));
          stem.setShowInLegend(false);
          point(
              chart,
              "suggestion " + value(s.lr()),
              s.lr(),
              range.clamp(s.loss()),
              SUGGESTED,
              SeriesMarkers.CIRCLE);
        });
    return chart;
  }

  /**
   * Draws the curve with characters, for terminals: {@code .} losses, {@code *} smoothed losses,
   * {@code O} the suggestion, {@code X} where the sweep diverged.
   *
   * @param columns width of the whole, at least 40
   * @param rows height of the whole, at least 8
   * @return lines of at most that width, each ended by a line feed
   * @throws IllegalArgumentException if it is too small
   */
  public String toText(int columns, int rows) {
    return new TextPlot(curve, mode, endReason, suggestion, Range.of(curve)).draw(columns, rows);
  }

  private void style(XYStyler styler, Range range) {
    styler.setLocale(Locale.ROOT);
    styler.setXAxisLogarithmic(mode == ScheduleMode.EXPONENTIAL);
    if (mode == ScheduleMode.EXPONENTIAL) {
      styler.setXAxisDecimalPattern("0E0");
    }
    styler.setYAxisMin(range.low);
    styler.setYAxisMax(range.high);
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
  }

  private static XYSeries line(
      XYChart chart, String name, double[] x, double[] y, Color color, float width) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE).setLineColor(color).setLineWidth(width);
    return series;
  }

  private static void point(
      XYChart chart, String name, double x, double y, Color color, Marker marker) {
    XYSeries series = chart.addSeries(name, new double[] {x}, new double[] {y});
    series.setMarker(marker).setMarkerColor(color).setLineColor(color);
  }

  static String value(double rate) {
    return String.format(Locale.ROOT, "%.2e", rate);
  }

  /** The losses that the picture has room for. */
  record Range(double low, double high) {
    static Range of(Curve curve) {
      double[] smoothed = finite(curve.smoothedLosses());
      double[] raw = finite(curve.losses());
      double low = Math.min(min(smoothed), min(raw));
      double high = max(falling(smoothed));
      double span = high > low ? high - low : Math.max(Math.abs(high), 1e-3);
      return new Range(
          low - MARGIN * span, Math.min(high + HEADROOM * span, max(raw) + MARGIN * span));
    }

    /** Up to the lowest smoothed loss; all of them where the first is the lowest. */
    private static double[] falling(double[] smoothed) {
      double lowest = min(smoothed);
      int end = 0;
      while (end < smoothed.length && smoothed[end] > lowest) {
        end++;
      }
      return end == 0 ? smoothed : Arrays.copyOf(smoothed, end);
    }

    private static double min(double[] values) {
      return Arrays.stream(values).min().orElse(0);
    }

    private static double max(double[] values) {
      return Arrays.stream(values).max().orElse(1);
    }

    private static double[] finite(double[] values) {
      return Arrays.stream(values).filter(Double::isFinite).toArray();
    }

    double clamp(double loss) {
      return Double.isFinite(loss) ? Math.min(Math.max(loss, low), high) : high;
    }

    double[] clamp(double[] losses) {
      return Arrays.stream(losses).map(this::clamp).toArray();
    }
  }
}

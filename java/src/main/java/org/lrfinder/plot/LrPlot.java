package org.lrfinder.plot;

import java.awt.Color;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.export.AtomicFile;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.ScheduleMode;

/**
 * A picture of a curve: losses over learning rates. It needs no display. Immutable; thread-safe.
 */
public final class LrPlot {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 600;
  private static final Color RAW = new Color(0xb8c4d6);
  private static final Color SMOOTHED = new Color(0x1f4e9c);
  private static final Color SUGGESTED = new Color(0xd62728);

  private final Curve curve;
  private final ScheduleMode mode;
  private final Optional<Suggestion> suggestion;

  /**
   * Creates a plot.
   *
   * @param curve what to draw, at least one point
   * @param mode of the sweep: exponential draws a logarithmic axis
   * @param suggestion marked by a red point, if present
   * @throws IllegalArgumentException if the curve is empty
   */
  public LrPlot(Curve curve, ScheduleMode mode, Optional<Suggestion> suggestion) {
    if (curve.size() == 0) {
      throw new IllegalArgumentException("the curve has no points to draw");
    }
    this.curve = curve;
    this.mode = mode;
    this.suggestion = suggestion;
  }

  /**
   * Writes the picture as a PNG, by atomic rename.
   *
   * @param file where to; its folder must exist
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public void save(Path file) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      BitmapEncoder.saveBitmap(chart(), bytes, BitmapEncoder.BitmapFormat.PNG);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    AtomicFile.write(file, bytes.toByteArray());
  }

  private XYChart chart() {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("Learning rate finder")
            .xAxisTitle("learning rate")
            .yAxisTitle("loss")
            .build();
    chart
        .getStyler()
        .setXAxisLogarithmic(mode == ScheduleMode.EXPONENTIAL)
        .setLegendPosition(Styler.LegendPosition.InsideSW)
        .setChartBackgroundColor(Color.WHITE)
        .setPlotBorderVisible(false);
    chart
        .addSeries("loss", curve.rates(), curve.losses())
        .setMarker(SeriesMarkers.NONE)
        .setLineColor(RAW)
        .setLineWidth(1.2f);
    chart
        .addSeries("smoothed loss", curve.rates(), curve.smoothedLosses())
        .setMarker(SeriesMarkers.NONE)
        .setLineColor(SMOOTHED)
        .setLineWidth(2.5f);
    suggestion.ifPresent(
        s -> {
          String label = String.format(Locale.ROOT, "suggestion %.2e", s.lr());
          chart
              .addSeries(label, new double[] {s.lr()}, new double[] {s.loss()})
              .setMarker(SeriesMarkers.CIRCLE)
              .setMarkerColor(SUGGESTED)
              .setLineColor(SUGGESTED);
        });
    return chart;
  }
}

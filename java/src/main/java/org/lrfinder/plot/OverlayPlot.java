package org.lrfinder.plot;

import java.awt.Color;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.ScheduleMode;

/**
 * Several curves laid over one another: the smoothed losses, each in a colour of its own, with a
 * point at its suggestion. It needs no display. Immutable; thread-safe.
 */
public final class OverlayPlot {
  private static final Color[] COLORS = {
    new Color(0x1f4e9c),
    new Color(0xff7f0e),
    new Color(0x2ca02c),
    new Color(0xd62728),
    new Color(0x9467bd),
    new Color(0x8c564b),
    new Color(0x17a2b8),
    new Color(0x7f7f7f),
  };

  /**
   * One of the curves.
   *
   * @param name for the legend
   * @param curve what to draw
   * @param suggestion marked by a point, if present
   */
  public record Layer(String name, Curve curve, Optional<Suggestion> suggestion) {
    /** Creates a layer. */
    public Layer {
      Objects.requireNonNull(name, "name");
      Objects.requireNonNull(curve, "curve");
      Objects.requireNonNull(suggestion, "suggestion");
    }
  }

  private final List<Layer> layers;
  private final ScheduleMode mode;

  /**
   * Creates a plot.
   *
   * @param layers with names of their own; those without a point are left out
   * @param mode exponential draws a logarithmic axis
   * @throws IllegalArgumentException if no layer has a point
   */
  public OverlayPlot(List<Layer> layers, ScheduleMode mode) {
    this.layers = layers.stream().filter(layer -> layer.curve.size() > 0).toList();
    this.mode = Objects.requireNonNull(mode, "mode");
    if (this.layers.isEmpty()) {
      throw new IllegalArgumentException("the curves have no points to draw");
    }
  }

  /**
   * Writes the picture, 900 by 600 points, by atomic rename.
   *
   * @param file where to; its name ends in {@code .png} or {@code .svg}, its folder must exist
   * @throws IllegalArgumentException if the name has another ending
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public void save(Path file) {
    Charts.save(chart(), file);
  }

  /**
   * Hands out the chart, to be changed or shown by other means.
   *
   * @return a new chart each time
   */
  public XYChart chart() {
    LossRange losses = LossRange.of(layers.stream().map(Layer::curve).toList());
    XYChart chart =
        Charts.empty("Learning rate finder", "learning rate", "smoothed loss", mode, losses);
    for (int i = 0; i < layers.size(); i++) {
      Layer layer = layers.get(i);
      Color color = COLORS[i % COLORS.length];
      double[] smoothed = losses.clamp(layer.curve.smoothedLosses());
      Charts.line(
          chart,
          layer.name
              + layer.suggestion.map(s -> ": " + Charts.value(s.lr())).orElse(": no suggestion"),
          layer.curve.rates(),
          smoothed,
          color,
          2.5f);
      layer.suggestion.ifPresent(
          s ->
              Charts.point(
                      chart,
                      "suggestion of " + layer.name,
                      s.lr(),
                      losses.clamp(s.loss()),
                      color,
                      SeriesMarkers.CIRCLE)
                  .setShowInLegend(false));
    }
    return chart;
  }
}

package org.lrfinder.plot;

import java.awt.Color;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * Several curves laid over one another: their {@linkplain Trend trends}, each in a colour of its
 * own, with a point at its suggestion. It needs no display. Immutable; thread-safe.
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
   * @param settings what its sweep was to do
   * @param suggestion marked by a point, if present
   */
  public record Layer(
      String name, Curve curve, SweepSettings settings, Optional<Suggestion> suggestion) {
    /** Creates a layer. */
    public Layer {
      Objects.requireNonNull(name, "name");
      Objects.requireNonNull(curve, "curve");
      Objects.requireNonNull(settings, "settings");
      Objects.requireNonNull(suggestion, "suggestion");
    }
  }

  private record Line(Layer layer, Trend trend) {}

  private final List<Line> lines;

  /**
   * Creates a plot.
   *
   * @param layers with names of their own; those without a finite loss are left out, and the first
   *     of the others says whether the rates' axis is logarithmic
   * @throws IllegalArgumentException if no layer has a finite loss
   */
  public OverlayPlot(List<Layer> layers) {
    lines =
        layers.stream()
            .flatMap(
                layer ->
                    Trend.of(layer.curve, layer.settings).stream()
                        .map(trend -> new Line(layer, trend)))
            .toList();
    if (lines.isEmpty()) {
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
    LossRange losses = LossRange.of(lines.stream().map(Line::trend).toList());
    double first = lines.stream().mapToDouble(line -> line.layer.curve.rate(0)).min().orElseThrow();
    double last =
        lines.stream()
            .mapToDouble(
                line ->
                    Math.max(
                        line.trend.lastRate(),
                        line.layer.suggestion.map(Suggestion::lr).orElse(0.0)))
            .max()
            .orElseThrow();
    RateRange rates = RateRange.of(first, last, lines.get(0).layer.settings.mode());
    XYChart chart = Charts.empty("Learning rate finder", "learning rate", "loss", rates, losses);
    for (int i = 0; i < lines.size(); i++) {
      Layer layer = lines.get(i).layer;
      Trend trend = lines.get(i).trend;
      Color color = COLORS[i % COLORS.length];
      String answer = layer.suggestion.map(s -> Charts.value(s.lr())).orElse("none");
      XYSeries series =
          Charts.line(
              chart,
              layer.name + ": " + answer,
              trend.rates(),
              losses.clamp(trend.losses()),
              color,
              2.5f);
      if (trend.size() == 1) {
        series.setMarker(SmallMarker.DOT).setMarkerColor(color);
      }
      layer.suggestion.ifPresent(
          s ->
              Charts.point(
                      chart,
                      "suggestion of " + layer.name,
                      s.lr(),
                      losses.clamp(trend.at(s.lr())),
                      color,
                      SeriesMarkers.CIRCLE)
                  .setShowInLegend(false));
    }
    return chart;
  }
}

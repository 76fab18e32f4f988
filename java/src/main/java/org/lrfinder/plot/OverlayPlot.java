package org.lrfinder.plot;

import java.awt.Color;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.Trend;

/**
 * Several curves laid over one another: their {@linkplain Trend trends}, each in a colour of its
 * own, with a point at its suggestion, and the plots' notes, each once. It needs no display.
 * Immutable; thread-safe.
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

  private static final String TITLE = "Learning rate finder";

  private record Line(String name, LrPlot plot, Trend trend) {}

  private final List<Line> lines;

  private OverlayPlot(List<Line> lines) {
    this.lines = lines;
  }

  /**
   * Lays plots over one another.
   *
   * @param plots by their names for the legend, in the map's order; those without a finite loss are
   *     left out, and the first of the others says whether the rates' axis is logarithmic
   * @return the plot, which takes their trends and suggestions and none of their other marks
   * @throws IllegalArgumentException if no plot has a finite loss
   */
  public static OverlayPlot of(Map<String, LrPlot> plots) {
    List<Line> lines = new ArrayList<>();
    plots.forEach(
        (name, plot) ->
            plot.judged().line().ifPresent(trend -> lines.add(new Line(name, plot, trend))));
    if (lines.isEmpty()) {
      throw new IllegalArgumentException("the curves have no points to draw");
    }
    return new OverlayPlot(lines);
  }

  /**
   * Writes the picture as {@link LrPlot#save} does.
   *
   * @param file where to; its name ends in {@code .png} or {@code .svg}, its folder must exist
   */
  public void save(Path file) {
    Charts.save(chart(), file);
  }

  /** {@return the chart, as {@link LrPlot#chart} hands it out: a new one each time} */
  public XYChart chart() {
    return chart(Charts.WIDTH, Charts.HEIGHT, TITLE);
  }

  /**
   * Draws the picture as {@link LrPlot#toSvg} does.
   *
   * @param id a name for parts of the element, unique in the page: letters, digits and hyphens
   * @param width in points, at least {@link SvgPicture#LEAST_WIDTH}
   * @param height in points, at least {@link SvgPicture#LEAST_HEIGHT}
   * @return the picture
   * @throws IllegalArgumentException if it is too small, or the id is no such name
   */
  public SvgPicture toSvg(String id, int width, int height) {
    SvgPicture.require(id, width, height);
    String words =
        "Curves laid over one another, each with its suggestion. "
            + lines.stream().map(OverlayPlot::named).collect(Collectors.joining("; "))
            + ".";
    return SvgPicture.of(
        chart(width, height, ""), rates(), losses(), new SvgPicture.Words(id, TITLE, words));
  }

  private LossRange losses() {
    return LossRange.of(lines.stream().map(Line::trend).toList());
  }

  private RateRange rates() {
    double first =
        lines.stream().mapToDouble(line -> line.plot.judged().curve().rate(0)).min().orElseThrow();
    double last =
        lines.stream()
            .mapToDouble(
                line ->
                    Math.max(
                        line.trend.lastRate(),
                        line.plot.suggestion().map(Suggestion::lr).orElse(0.0)))
            .max()
            .orElseThrow();
    return RateRange.of(first, last, lines.get(0).plot.judged().mode());
  }

  private static String named(Line line) {
    return line.name + ": " + line.plot.suggestion().map(s -> Charts.value(s.lr())).orElse("none");
  }

  private XYChart chart(int width, int height, String title) {
    LossRange losses = losses();
    XYChart chart = Charts.empty(width, height, title, "learning rate", "loss", rates(), losses);
    Charts.note(
        chart,
        lines.stream()
            .map(line -> line.plot.note())
            .filter(note -> !note.isEmpty())
            .distinct()
            .collect(Collectors.joining("; ")));
    for (int i = 0; i < lines.size(); i++) {
      Line line = lines.get(i);
      Trend trend = line.trend;
      Color color = COLORS[i % COLORS.length];
      Optional<Suggestion> suggestion = line.plot.suggestion();
      double[] y = losses.clamp(trend.losses());
      XYSeries series = Charts.line(chart, named(line), trend.rates(), y, color, 2.5f);
      if (trend.size() == 1) {
        series.setMarker(SmallMarker.DOT).setMarkerColor(color);
      }
      suggestion.ifPresent(
          s ->
              Charts.point(
                      chart,
                      "suggestion of " + line.name,
                      s.lr(),
                      losses.clamp(trend.at(s.lr())),
                      color,
                      SeriesMarkers.CIRCLE)
                  .setShowInLegend(false));
    }
    return chart;
  }
}

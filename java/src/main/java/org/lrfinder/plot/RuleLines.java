package org.lrfinder.plot;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.font.FontRenderContext;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.internal.chartpart.Annotation;
import org.lrfinder.suggestion.Suggestion;

/** A dashed line for each rule but the one that is marked anyway, with its name at its head. */
final class RuleLines extends Annotation {
  private static final Color[] COLORS = {
    new Color(0x2a8a2a),
    new Color(0xc05c00),
    new Color(0x7b4fb0),
    new Color(0x8c564b),
    new Color(0x0e7f90),
    new Color(0xc0489a),
    new Color(0x666666),
    new Color(0x7d7d10),
  };
  private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
  private static final double LINE_HEIGHT = 18;
  private static final double PADDING = 3;

  private record Line(String label, double lr, Color color) {}

  private final List<Line> lines = new ArrayList<>();
  private final RateRange range;

  /** Makes the lines of a plot; of a rate outside the range, a name at the edge and no line. */
  RuleLines(Marks marks, RateRange range) {
    super(false);
    this.range = range;
    marks.rules().stream()
        .filter(
            rule ->
                marks.suggestion().filter(marked -> marked.rule().equals(rule.rule())).isEmpty())
        .sorted(Comparator.comparingDouble(Suggestion::lr))
        .forEach(rule -> lines.add(line(rule, COLORS[lines.size() % COLORS.length])));
  }

  private Line line(Suggestion rule, Color color) {
    String label = rule.rule() + " " + Charts.value(rule.lr());
    if (rule.lr() < range.low()) {
      label = "< " + label;
    } else if (rule.lr() > range.high()) {
      label += " >";
    }
    return new Line(label, rule.lr(), color);
  }

  /** Tells how much of a plot's height the names take, in a picture of the usual size. */
  double spaceAbove(double width, double height) {
    List<Double> centres = lines.stream().map(line -> width * range.share(line.lr)).toList();
    FontRenderContext context = new FontRenderContext(null, true, false);
    List<Double> widths =
        lines.stream()
            .map(line -> FONT.getStringBounds(line.label, context).getWidth() + 2 * PADDING)
            .toList();
    double used =
        boxes(centres, widths, new Rectangle2D.Double(0, 0, width, height)).stream()
            .mapToDouble(Rectangle2D::getMaxY)
            .max()
            .orElse(0);
    return used / Math.max(height - used, used);
  }

  void draw(XYChart chart, LossRange losses) {
    for (Line line : lines) {
      if (range.contains(line.lr)) {
        double[] x = {line.lr, line.lr};
        double[] y = {losses.low(), losses.high()};
        Charts.dashed(chart, line.label, x, y, line.color).setShowInLegend(false);
      }
    }
    chart.addAnnotation(this);
  }

  @Override
  public void paint(Graphics2D g) {
    List<Shape> labels = lines.stream().map(line -> Charts.outline(g, FONT, line.label)).toList();
    List<Rectangle2D> boxes = boxes(labels);
    for (int i = 0; i < labels.size(); i++) {
      Rectangle2D box = boxes.get(i);
      g.setColor(Color.WHITE);
      g.fill(box);
      g.setColor(lines.get(i).color);
      Rectangle2D bounds = labels.get(i).getBounds2D();
      double baseline = box.getMaxY() - LINE_HEIGHT / 4;
      Charts.fill(g, labels.get(i), box.getX() + PADDING - bounds.getX(), baseline);
    }
  }

  private List<Rectangle2D> boxes(List<Shape> labels) {
    double left = getXAxisScreenValueForMin();
    double top = getYAxisScreenValueForMin();
    Rectangle2D plot =
        new Rectangle2D.Double(
            left, top, getXAxisScreenValueForMax() - left, getYAxisScreenValueForMax() - top);
    return boxes(
        lines.stream().map(line -> chart.getScreenXFromChart(line.lr)).toList(),
        labels.stream().map(label -> label.getBounds2D().getWidth() + 2 * PADDING).toList(),
        plot);
  }

  /**
   * Puts names beside the heads of their lines like flags, to the right as long as there is room,
   * in as many rows as it takes for none to lie over another, nor over a line on its way up. Lines
   * rise; names stay within the plot horizontally.
   */
  static List<Rectangle2D> boxes(List<Double> lines, List<Double> widths, Rectangle2D plot) {
    int count = lines.size();
    int rightward = count; // those before it
    double covered = plot.getMaxX();
    while (rightward > 0 && lines.get(rightward - 1) + widths.get(rightward - 1) > covered) {
      rightward--;
      covered = lines.get(rightward) - widths.get(rightward);
    }
    Rectangle2D[] boxes = new Rectangle2D[count];
    for (int i = 0; i < rightward; i++) {
      place(boxes, i, lines.get(i), lines.get(i), widths.get(i), plot);
    }
    for (int i = count - 1; i >= rightward; i--) {
      double width = widths.get(i);
      place(boxes, i, lines.get(i), lines.get(i) - width, width, plot);
    }
    return List.of(boxes);
  }

  /** Puts a name below every other one that its line would go through. */
  private static void place(
      Rectangle2D[] boxes, int index, double line, double left, double width, Rectangle2D plot) {
    double x = Math.max(Math.min(left, plot.getMaxX() - width), plot.getMinX());
    List<Rectangle2D> others = Arrays.stream(boxes).filter(Objects::nonNull).toList();
    double y =
        others.stream()
            .filter(other -> other.getMinX() <= line && line <= other.getMaxX())
            .mapToDouble(Rectangle2D::getMaxY)
            .max()
            .orElse(plot.getMinY());
    Rectangle2D box = new Rectangle2D.Double(x, y, width, LINE_HEIGHT);
    while (others.stream().anyMatch(box::intersects)) {
      box.setRect(x, box.getMaxY(), width, LINE_HEIGHT);
    }
    boxes[index] = box;
  }
}

package org.lrfinder.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import org.knowm.xchart.internal.chartpart.Annotation;
import org.knowm.xchart.style.XYStyler;

/**
 * The axis of the rates, in place of XChart's: that one writes nothing but powers of ten where it
 * is logarithmic, the same one twice within a decade, and a format of one's own makes it loop
 * forever.
 */
final class RateAxis extends Annotation {
  private static final Color GRID = new Color(0, 0, 0, 24); // it is painted after the lines
  private static final double ROOM = 1.5; // for a label, times its width

  private final RateRange range;

  RateAxis(RateRange range) {
    super(false);
    this.range = range;
  }

  @Override
  public void paint(Graphics2D g) {
    XYStyler style = (XYStyler) styler;
    Font font = style.getAxisTickLabelsFont();
    double left = chart.getScreenXFromChart(range.low());
    double right = chart.getScreenXFromChart(range.high());
    double room = ROOM * Charts.outline(g, font, "0e+00").getBounds2D().getWidth();
    RateTicks ticks = RateTicks.of(range, room / (right - left));
    double top = getYAxisScreenValueForMin();
    double bottom = getYAxisScreenValueForMax();
    double marks = bottom + style.getAxisTickMarkLength();
    g.setStroke(new BasicStroke(1));
    g.setColor(style.getYAxisTickMarksColor());
    g.draw(
        new Line2D.Double(
            getXAxisScreenValueForMin(), bottom, getXAxisScreenValueForMax(), bottom));
    double free = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < ticks.rates().length; i++) {
      double x = chart.getScreenXFromChart(ticks.rates()[i]);
      g.setColor(GRID);
      g.draw(new Line2D.Double(x, top, x, bottom));
      g.setColor(style.getYAxisTickMarksColor());
      g.draw(new Line2D.Double(x, bottom, x, marks));
      Shape label = Charts.outline(g, font, ticks.labels().get(i));
      Rectangle2D bounds = label.getBounds2D();
      double from = Math.min(x - bounds.getWidth() / 2, chart.getWidth() - bounds.getWidth());
      if (from > free) {
        g.setColor(style.getYAxisTickLabelsColor());
        double baseline = marks + style.getAxisTickPadding() - bounds.getY();
        Charts.fill(g, label, from - bounds.getX(), baseline);
        free = from + bounds.getWidth();
      }
    }
  }
}

package org.lrfinder.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.geom.Ellipse2D;
import org.knowm.xchart.style.markers.Marker;

/** A small circle, whatever the size of the chart's markers. */
final class SmallMarker extends Marker {
  /** A filled circle. */
  static final Marker DOT = new SmallMarker(true);

  /** An empty circle. */
  static final Marker RING = new SmallMarker(false);

  private static final double SIZE = 7;

  private final boolean filled;

  private SmallMarker(boolean filled) {
    this.filled = filled;
  }

  @Override
  public void paint(Graphics2D g, double x, double y, int markerSize) {
    Shape circle = new Ellipse2D.Double(x - SIZE / 2, y - SIZE / 2, SIZE, SIZE);
    Color color = g.getColor();
    g.setColor(filled ? color : Color.WHITE);
    g.fill(circle);
    g.setColor(color);
    g.setStroke(new BasicStroke(1.5f));
    g.draw(circle);
  }
}

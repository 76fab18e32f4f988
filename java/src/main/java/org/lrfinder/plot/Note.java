package org.lrfinder.plot;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import org.knowm.xchart.internal.chartpart.Annotation;

/** A line in small type in the upper right corner; in smaller type if it would meet the title. */
final class Note extends Annotation {
  private static final Color GREY = new Color(0x7a7a7a);
  private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);
  private static final double MARGIN = 8;
  private static final double SHARE = 0.35; // of the width

  private final String words;

  Note(String words) {
    super(false);
    this.words = words;
  }

  @Override
  public void paint(Graphics2D g) {
    Shape outline = Charts.outline(g, FONT, words);
    double share = SHARE * chart.getWidth() / outline.getBounds2D().getWidth();
    if (share < 1) {
      outline = AffineTransform.getScaleInstance(share, share).createTransformedShape(outline);
    }
    Rectangle2D bounds = outline.getBounds2D();
    g.setColor(GREY);
    double x = chart.getWidth() - MARGIN - bounds.getMaxX();
    Charts.fill(g, outline, x, MARGIN - bounds.getY());
  }
}

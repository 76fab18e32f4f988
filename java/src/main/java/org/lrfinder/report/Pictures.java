package org.lrfinder.report;

import org.lrfinder.plot.LrPlot;
import org.lrfinder.plot.OverlayPlot;
import org.lrfinder.plot.SvgPicture;

/** A picture for wide screens and for paper, and the same one for phones. */
record Pictures(String wide, String narrow) {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 540;
  private static final int NARROW_WIDTH = 400;
  private static final int NARROW_HEIGHT = 440;

  static Pictures of(OverlayPlot plot) {
    return new Pictures(
        plot.toSvg("all-wide", WIDTH, HEIGHT).element(),
        plot.toSvg("all-narrow", NARROW_WIDTH, NARROW_HEIGHT).element());
  }

  static Pictures of(SvgPicture wide, LrPlot plot, String id) {
    return new Pictures(
        wide.element(), plot.toSvg(id + "-narrow", NARROW_WIDTH, NARROW_HEIGHT).element());
  }

  /** The first of both, which knows where values lie in either. */
  static SvgPicture wide(LrPlot plot, String id) {
    return plot.toSvg(id + "-wide", WIDTH, HEIGHT);
  }
}

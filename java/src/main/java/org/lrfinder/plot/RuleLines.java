package org.lrfinder.plot;

import java.awt.Color;
import org.knowm.xchart.XYChart;
import org.lrfinder.suggestion.Suggestion;

/** A dashed line for each rule but the one that is marked anyway. */
final class RuleLines {
  private static final Color[] COLORS = {
    new Color(0x2ca02c),
    new Color(0xff7f0e),
    new Color(0x9467bd),
    new Color(0x8c564b),
    new Color(0x17a2b8),
    new Color(0xe377c2),
    new Color(0x7f7f7f),
    new Color(0xbcbd22),
  };

  private RuleLines() {}

  static void draw(XYChart chart, Marks marks, LossRange losses) {
    int color = 0;
    for (Suggestion rule : marks.rules()) {
      if (marks.suggestion().filter(marked -> marked.rule().equals(rule.rule())).isPresent()) {
        continue;
      }
      Charts.dashed(
          chart,
          rule.rule() + " " + Charts.value(rule.lr()),
          new double[] {rule.lr(), rule.lr()},
          new double[] {losses.low(), losses.high()},
          COLORS[color++ % COLORS.length]);
    }
  }
}

package org.lrfinder.plot;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.geom.Rectangle2D;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class RuleLinesTest {
  private static final Rectangle2D PLOT = new Rectangle2D.Double(60, 40, 800, 450);

  @Test
  void noNameLiesOverAnotherAndAllAreWithinThePlot() {
    Random random = new Random(1);
    for (int round = 0; round < 500; round++) {
      int count = 1 + random.nextInt(8);
      double spread = random.nextBoolean() ? 30 : 900; // near one another, and at the edges too
      double from = random.nextDouble() * 850;
      List<Double> lines =
          DoubleStream.generate(() -> from + random.nextDouble() * spread)
              .limit(count)
              .sorted()
              .boxed()
              .toList();
      List<Double> widths =
          DoubleStream.generate(() -> 60 + random.nextDouble() * 100).limit(count).boxed().toList();
      List<Rectangle2D> boxes = RuleLines.boxes(lines, widths, PLOT);
      assertThat(boxes).hasSize(count);
      for (int i = 0; i < count; i++) {
        assertThat(boxes.get(i).getWidth()).isEqualTo(widths.get(i));
        assertThat(boxes.get(i).getMinX()).isGreaterThanOrEqualTo(PLOT.getMinX());
        assertThat(boxes.get(i).getMaxX()).isLessThanOrEqualTo(PLOT.getMaxX());
        for (int j = 0; j < i; j++) {
          assertThat(boxes.get(i).intersects(boxes.get(j))).isFalse();
        }
      }
    }
  }

  @Test
  void namesAreFlagsThatNoOtherLineGoesThrough() {
    List<Rectangle2D> left = RuleLines.boxes(List.of(100.0, 110.0, 300.0), widths(3), PLOT);
    assertThat(left).extracting(Rectangle2D::getMinX).containsExactly(100.0, 110.0, 300.0);
    assertThat(left).extracting(Rectangle2D::getMinY).containsExactly(40.0, 58.0, 40.0);
    // The third line would go up through the second name, beside the first.
    List<Rectangle2D> under =
        RuleLines.boxes(List.of(100.0, 110.0, 200.0), List.of(50.0, 200.0, 50.0), PLOT);
    assertThat(under).extracting(Rectangle2D::getMinY).containsExactly(40.0, 58.0, 76.0);
    // Without room to the right, to the left: the last on top.
    List<Rectangle2D> right = RuleLines.boxes(List.of(840.0, 850.0), widths(2), PLOT);
    assertThat(right).extracting(Rectangle2D::getMaxX).containsExactly(840.0, 850.0);
    assertThat(right).extracting(Rectangle2D::getMinY).containsExactly(58.0, 40.0);
  }

  private static List<Double> widths(int count) {
    return DoubleStream.generate(() -> 90).limit(count).boxed().toList();
  }
}

package org.lrfinder.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/**
 * The Java tracker by its definition; that the native one does the same, the reference sweeps show.
 */
class LossTrackerTest {
  @Property
  void theRunningLossIsTheWeightedMeanOfThePast(
      @ForAll @Size(min = 1, max = 60) List<@DoubleRange(min = -5, max = 50) Double> losses,
      @ForAll @DoubleRange(min = 0, max = 0.99) double beta) {
    LossTracker tracker = new LossTracker(beta, Double.POSITIVE_INFINITY);
    for (int i = 0; i < losses.size(); i++) {
      assertThat(tracker.add(losses.get(i))).isFalse();
      double weighted = 0;
      double weights = 0;
      for (int k = 0; k <= i; k++) {
        weighted += Math.pow(beta, i - k) * losses.get(k);
        weights += Math.pow(beta, i - k);
      }
      assertThat(tracker.smoothed()).isCloseTo(weighted / weights, within(1e-10 * 50));
    }
  }

  @Test
  void positiveLossesDivergeByRatioToTheBest() {
    LossTracker tracker = new LossTracker(0, 4);
    assertThat(tracker.add(100)).isFalse();
    assertThat(tracker.add(1)).isFalse();
    assertThat(tracker.add(4)).isFalse();
    assertThat(tracker.add(4.001)).isTrue();
    assertThat(tracker.best()).isEqualTo(1);
  }

  @Test
  void otherLossesDivergeByTheFallOrTheEarlySpreadFromTheSixthOn() {
    LossTracker tracker = new LossTracker(0, 2);
    for (double loss : new double[] {-10, 50, -11, -10.5, -10}) {
      assertThat(tracker.add(loss)).isFalse();
    }
    assertThat(tracker.add(-11 + 60.9)).isFalse(); // the spread of the first five is 61
    assertThat(tracker.add(-11 + 61.1)).isTrue();
  }
}

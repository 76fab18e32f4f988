package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

class SteepestTest {
  private static Curve curve(double... smoothed) {
    double[] rates = new double[smoothed.length];
    Arrays.setAll(rates, i -> Math.pow(10, i - 8));
    return new Curve(rates, smoothed, smoothed);
  }

  /** Which point. */
  private static OptionalInt pick(SuggestionRule rule, Curve curve) {
    Optional<Pick> pick = rule.pick(curve, SweepSettings.DEFAULTS);
    return pick.isEmpty()
        ? OptionalInt.empty()
        : OptionalInt.of(Arrays.binarySearch(curve.rates(), pick.get().lr()));
  }

  @Test
  void theWindowLeavesOutTenAndOne() {
    double[] losses = new double[30];
    Arrays.fill(losses, 3);
    for (int i = 0; i < losses.length; i++) {
      losses[i] -= 0.01 * i;
    }
    losses[5] = -100;
    losses[29] = -100;
    losses[20] = losses[19] - 1;
    for (int i = 21; i < 29; i++) {
      losses[i] = losses[20] - 0.01 * i;
    }
    assertThat(pick(new Steepest(), curve(losses))).hasValue(20);
    assertThat(pick(new Steepest(0, 0), curve(losses))).hasValue(29);
  }

  @Test
  void aPointThatIsNotFiniteDoesNotShiftThePick() {
    double nan = Double.NaN;
    assertThat(pick(new Steepest(0, 0), curve(9, nan, 8.9, 8.8, 5, 4.9, 4.8))).hasValue(3);
  }

  @Test
  void tooFewPointsPickNothing() {
    assertThat(pick(new Steepest(), curve(new double[12]))).isEmpty();
    assertThat(pick(new Steepest(), curve())).isEmpty();
    assertThat(pick(new Steepest(), curve(new double[13]))).isPresent();
  }

  @Test
  void negativeCountsAreRefused() {
    assertThatThrownBy(() -> new Steepest(-1, 0))
        .hasMessage("skipBegin is -1 and skipEnd 0, but both must be at least 0");
  }

  @Property
  void thePickIsTheFirstOfTheLowestGradients(
      @ForAll @Size(min = 2, max = 80) List<@DoubleRange(min = -10, max = 10) Double> list,
      @ForAll @IntRange(max = 5) int skipBegin,
      @ForAll @IntRange(max = 5) int skipEnd) {
    double[] losses = list.stream().mapToDouble(Double::doubleValue).toArray();
    OptionalInt pick = pick(new Steepest(skipBegin, skipEnd), curve(losses));
    int end = losses.length - skipEnd;
    if (end - skipBegin < 2) {
      assertThat(pick).isEmpty();
      return;
    }
    int expected = skipBegin;
    for (int i = skipBegin; i < end; i++) {
      if (gradient(losses, skipBegin, end, i) < gradient(losses, skipBegin, end, expected)) {
        expected = i;
      }
    }
    assertThat(pick).hasValue(expected);
  }

  /** As numpy.gradient. */
  private static double gradient(double[] losses, int from, int to, int i) {
    if (i == from) {
      return losses[i + 1] - losses[i];
    }
    return i == to - 1 ? losses[i] - losses[i - 1] : (losses[i + 1] - losses[i - 1]) / 2;
  }
}

package org.lrfinder.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

class ScheduleTest {
  @Property
  void exponentialRatesAreEvenlySpacedWithExactEnds(
      @ForAll @DoubleRange(min = -12, max = -1) double minExponent,
      @ForAll @DoubleRange(min = 0, max = 4) double maxExponent,
      @ForAll @IntRange(min = 3, max = 500) int steps) {
    double min = Math.pow(10, minExponent);
    double max = Math.pow(10, maxExponent);
    double factor = Math.pow(max / min, 1.0 / (steps - 1));
    assertThat(ScheduleMode.EXPONENTIAL.rate(min, max, steps, 0)).isEqualTo(min);
    assertThat(ScheduleMode.EXPONENTIAL.rate(min, max, steps, steps - 1)).isEqualTo(max);
    for (int i = 1; i < steps; i++) {
      double ratio =
          ScheduleMode.EXPONENTIAL.rate(min, max, steps, i)
              / ScheduleMode.EXPONENTIAL.rate(min, max, steps, i - 1);
      assertThat(ratio).isCloseTo(factor, within(1e-12 * factor));
    }
  }

  @Property
  void linearRatesAreEvenlySpacedWithExactEnds(
      @ForAll @DoubleRange(min = 0, max = 1) double min,
      @ForAll @DoubleRange(min = 1.01, max = 100) double max,
      @ForAll @IntRange(min = 3, max = 500) int steps) {
    double gap = (max - min) / (steps - 1);
    assertThat(ScheduleMode.LINEAR.rate(min, max, steps, 0)).isEqualTo(min);
    assertThat(ScheduleMode.LINEAR.rate(min, max, steps, steps - 1)).isEqualTo(max);
    for (int i = 1; i < steps; i++) {
      double difference =
          ScheduleMode.LINEAR.rate(min, max, steps, i)
              - ScheduleMode.LINEAR.rate(min, max, steps, i - 1);
      assertThat(difference).isCloseTo(gap, within(1e-12 * max));
    }
  }
}

package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SumTest {
  private static double mean(double... values) {
    Sum sum = new Sum();
    for (double value : values) {
      sum.add(value);
    }
    return sum.mean();
  }

  @Test
  void aMeanIsToTheBitThatOfAStream() {
    Random random = new Random(1);
    for (int round = 0; round < 1000; round++) {
      double[] values =
          random
              .doubles(1 + random.nextInt(40))
              .map(value -> (value - 0.5) * Math.pow(10, random.nextInt(30)))
              .toArray();
      assertThat(mean(values)).isEqualTo(Arrays.stream(values).average().orElseThrow());
    }
  }

  @Test
  void anInfiniteSumIsInfinite() {
    assertThat(mean(1, Double.POSITIVE_INFINITY, 2)).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(mean(Double.MAX_VALUE, Double.MAX_VALUE)).isEqualTo(Double.POSITIVE_INFINITY);
  }
}

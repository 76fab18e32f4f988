package org.lrfinder.plot;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Rates to be written along an axis: whole decades if there are enough of them, else round numbers,
 * with as few digits as they need.
 */
record RateTicks(double[] rates, List<String> labels) {
  private static final int ENOUGH = 4;
  private static final int MOST_DIGITS = 15;
  private static final int[][] IN_A_DECADE = {{1, 2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  private static final int[] ROUND_STEPS = {5, 2, 1};
  private static final double ROUNDING = 1e-6; // of a step
  private static final double SAME = 1e-12; // relative
  private static final double SMALLEST_PLAIN = 1e-3;
  private static final double LARGEST_PLAIN = 1e5;
  private static final int PLAIN_DIGITS = 8;

  /** Chooses ticks, none of which is closer to another than that share of the axis. */
  static RateTicks of(RateRange range, double closest) {
    double[] best = {};
    if (range.logarithmic()) {
      int decades = (int) (Math.log10(range.high()) - Math.log10(range.low())) + 1;
      for (int stride = 1; best.length == 0 && stride <= decades; stride++) {
        best = better(best, decades(range, stride), range, closest);
      }
      for (int[] factors : IN_A_DECADE) {
        best = better(best, factors(range, factors), range, closest);
      }
    }
    int magnitude = (int) Math.ceil(Math.log10(range.high() - range.low()));
    for (int exponent = magnitude - 1; exponent > magnitude - 4; exponent--) {
      for (int step : ROUND_STEPS) {
        best = better(best, even(range, step, exponent), range, closest);
      }
    }
    return new RateTicks(best, labels(best, range.logarithmic()));
  }

  private static double[] better(double[] best, double[] finer, RateRange range, double closest) {
    boolean better = best.length < ENOUGH && finer.length > best.length;
    return better && fits(finer, range, closest) ? finer : best;
  }

  private static double[] decades(RateRange range, int stride) {
    int from = (int) Math.ceil(Math.log10(range.low()) / stride - ROUNDING);
    int to = (int) Math.floor(Math.log10(range.high()) / stride + ROUNDING);
    return IntStream.rangeClosed(from, to).mapToDouble(i -> times(1, i * stride)).toArray();
  }

  private static double[] factors(RateRange range, int[] factors) {
    int from = (int) Math.floor(Math.log10(range.low()));
    int to = (int) Math.ceil(Math.log10(range.high()));
    return IntStream.rangeClosed(from, to)
        .boxed()
        .flatMapToDouble(i -> IntStream.of(factors).mapToDouble(factor -> times(factor, i)))
        .filter(
            rate -> rate >= range.low() * (1 - ROUNDING) && rate <= range.high() * (1 + ROUNDING))
        .toArray();
  }

  private static double[] even(RateRange range, int factor, int exponent) {
    double step = times(factor, exponent);
    long to = (long) Math.floor(range.high() / step + ROUNDING);
    return DoubleStream.iterate(Math.ceil(range.low() / step - ROUNDING), i -> i <= to, i -> i + 1)
        .map(i -> times((long) i * factor, exponent))
        .toArray();
  }

  /** Multiplies by a power of ten without the rounding of a product. */
  private static double times(long factor, int exponent) {
    return BigDecimal.valueOf(factor, -exponent).doubleValue();
  }

  private static boolean fits(double[] ticks, RateRange range, double closest) {
    return IntStream.range(1, ticks.length)
        .allMatch(i -> range.share(ticks[i]) - range.share(ticks[i - 1]) >= closest);
  }

  /** Writes rates without exponents where that is short. */
  private static List<String> labels(double[] rates, boolean logarithmic) {
    double largest = Arrays.stream(rates).map(Math::abs).max().orElse(0);
    if (!logarithmic && largest >= SMALLEST_PLAIN && largest < LARGEST_PLAIN) {
      return Arrays.stream(rates)
          .mapToObj(rate -> BigDecimal.valueOf(rate).setScale(PLAIN_DIGITS, RoundingMode.HALF_EVEN))
          .map(rate -> rate.stripTrailingZeros().toPlainString())
          .toList();
    }
    for (int digits = 0; ; digits++) {
      String format = "%." + digits + "e";
      List<String> labels =
          Arrays.stream(rates).mapToObj(rate -> String.format(Locale.ROOT, format, rate)).toList();
      boolean exact =
          IntStream.range(0, rates.length)
              .allMatch(
                  i -> Math.abs(Double.parseDouble(labels.get(i)) - rates[i]) <= SAME * rates[i]);
      if (exact || digits == MOST_DIGITS) {
        return labels;
      }
    }
  }
}

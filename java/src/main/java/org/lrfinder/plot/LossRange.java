package org.lrfinder.plot;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.lrfinder.suggestion.Band;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Curve;

/** The losses that a picture has room for. */
record LossRange(double low, double high) {
  private static final double HEADROOM = 0.35; // above the falling part, relative to its span
  private static final double MARGIN = 0.05;
  private static final double NOISE_SHARE = 0.9; // of the losses, whose noise has room for sure
  private static final double NOISE_ROOM = 2; // times that
  private static final double LARGEST = 1e300; // beyond it a chart overflows
  private static final double SAME = 1e-9; // relative: losses that differ by rounding alone

  /** How far a line goes, and how high up its fall begins. */
  private record Extent(double low, double top, double highest) {
    static Extent of(Trend line) {
      double[] losses = line.losses();
      int lowest = 0;
      for (int i = 1; i < losses.length; i++) {
        lowest = losses[i] < losses[lowest] ? i : lowest;
      }
      return new Extent(
          losses[lowest],
          Arrays.stream(losses, 0, lowest + 1).max().orElseThrow(),
          Arrays.stream(losses).max().orElseThrow());
    }

    Extent and(Extent other) {
      return new Extent(
          Math.min(low, other.low), Math.max(top, other.top), Math.max(highest, other.highest));
    }

    LossRange range() {
      double up = differ(low, top) ? top : highest; // of what rises at once, the rise
      double span = up - low;
      return new LossRange(
          low - MARGIN * span, Math.min(up + HEADROOM * span, highest + MARGIN * span));
    }
  }

  /** Makes room for what falls of all of them; for rises where none of them falls. */
  static LossRange of(List<Trend> lines) {
    return lines.stream()
        .map(Extent::of)
        .reduce(Extent::and)
        .map(Extent::range)
        .orElse(new LossRange(0, 1))
        .withHeight();
  }

  /** Makes room for the line's fall, for the noise around it, and for validation losses. */
  static LossRange of(Curve curve, Optional<Trend> line) {
    return line.map(trend -> of(curve, trend)).orElse(new LossRange(0, 1));
  }

  private static LossRange of(Curve curve, Trend line) {
    LossRange range = Extent.of(line).range();
    double[] rates = curve.rates();
    double[] losses = curve.losses();
    int[] judged =
        IntStream.range(0, rates.length)
            .filter(i -> rates[i] <= line.lastRate() && Double.isFinite(losses[i]))
            .toArray();
    if (judged.length > 0) {
      double[] noise =
          IntStream.of(judged)
              .mapToDouble(i -> Math.abs(losses[i] - line.at(rates[i])))
              .sorted()
              .toArray();
      double room = NOISE_ROOM * Band.quantile(noise, NOISE_SHARE);
      double lowest = IntStream.of(judged).mapToDouble(i -> losses[i]).min().orElseThrow();
      double highest = IntStream.of(judged).mapToDouble(i -> losses[i]).max().orElseThrow();
      double margin = MARGIN * (range.high - range.low);
      range =
          range.and(
              Math.max(lowest - margin, range.low - room),
              Math.min(highest + margin, range.high + room));
    }
    double[] validation = curve.validationLosses();
    for (int i : judged) {
      if (validation.length > 0 && Double.isFinite(validation[i])) {
        range = range.and(validation[i], range.high);
      }
    }
    return range.withHeight();
  }

  private LossRange and(double otherLow, double otherHigh) {
    return new LossRange(Math.min(low, otherLow), Math.max(high, otherHigh));
  }

  /** Puts losses that are equal, but for rounding, in the middle. */
  private LossRange withHeight() {
    if (Math.max(Math.abs(low), Math.abs(high)) > LARGEST) {
      return new LossRange(Math.max(low, -LARGEST), Math.min(high, LARGEST));
    }
    if (differ(low, high)) {
      return this;
    }
    double middle = low / 2 + high / 2;
    double half = Math.abs(middle) < Double.MIN_NORMAL ? 1 : Math.abs(middle) / 2;
    return new LossRange(middle - half, middle + half);
  }

  private static boolean differ(double low, double high) {
    double rounding = SAME * Math.max(Math.abs(low), Math.abs(high));
    return high - low > Math.max(rounding, Double.MIN_NORMAL);
  }

  /** Makes room above for more than losses. */
  LossRange withSpaceAbove(double share) {
    return new LossRange(low, high + share * (high - low));
  }

  double clamp(double loss) {
    return Double.isFinite(loss) ? Math.min(Math.max(loss, low), high) : high;
  }

  double[] clamp(double[] losses) {
    return Arrays.stream(losses).map(this::clamp).toArray();
  }
}

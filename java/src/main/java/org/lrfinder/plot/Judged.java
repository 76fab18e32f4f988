package org.lrfinder.plot;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.DoubleStream;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;

/**
 * What an answer was read from.
 *
 * @param curve at least one point
 * @param mode how its rates lie
 * @param line the trend, or the losses themselves of a curve too short for one; empty if none is
 *     finite
 * @param smooth whether the line is a trend
 * @param fall the rates of half and of four fifths of the fall, and of the lowest loss; empty if
 *     there is no fall to be told from noise
 * @param end where the loss diverged, or was last finite
 */
record Judged(
    Curve curve,
    ScheduleMode mode,
    Optional<Trend> line,
    boolean smooth,
    double[] fall,
    Optional<End> end) {
  /** What happened at a rate. */
  record End(String what, String preposition, double lr) {
    String words() {
      return what + preposition + Charts.value(lr);
    }
  }

  static Judged of(Curve curve, SweepSettings settings, EndReason endReason) {
    if (curve.size() == 0) {
      throw new IllegalArgumentException("the curve has no points to draw");
    }
    Optional<Descent> descent = Descent.of(curve, settings);
    DoubleStream fall =
        descent.filter(Descent::clear).stream()
            .flatMapToDouble(d -> DoubleStream.of(d.half(), d.fourFifths(), d.lowest()));
    return new Judged(
        curve,
        settings.mode(),
        descent.map(Descent::trend).or(() -> Trend.of(curve, settings)),
        descent.isPresent(),
        fall.map(lr -> Math.pow(10, lr)).toArray(),
        end(curve, descent, endReason));
  }

  private static Optional<End> end(Curve curve, Optional<Descent> descent, EndReason endReason) {
    double last = curve.rate(curve.size() - 1);
    if (descent.filter(Descent::diverged).isPresent()) {
      double lr = Math.min(Math.pow(10, descent.get().end()), last);
      return Optional.of(new End("diverged", " at ", lr));
    }
    return switch (endReason) {
      case DIVERGED -> Optional.of(new End("diverged", " at ", last));
      case NON_FINITE -> Optional.of(new End("not finite", " after ", last));
      default -> Optional.empty();
    };
  }

  RateRange rates() {
    return RateRange.of(curve.rate(0), curve.rate(curve.size() - 1), mode);
  }

  /** Reads the line's loss at a rate; not a number if there is no line. */
  double at(double lr) {
    return line.map(trend -> trend.at(lr)).orElse(Double.NaN);
  }

  double[] at(double[] rates) {
    return Arrays.stream(rates).map(this::at).toArray();
  }
}

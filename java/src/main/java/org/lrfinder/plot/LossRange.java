package org.lrfinder.plot;

import java.util.Arrays;
import java.util.Collection;
import org.lrfinder.sweep.Curve;

/** The losses that a picture has room for. */
record LossRange(double low, double high) {
  private static final double HEADROOM = 0.35; // above the falling part, relative to its span
  private static final double MARGIN = 0.05;

  static LossRange of(Curve curve) {
    double[] smoothed = finite(curve.smoothedLosses());
    double[] raw = finite(curve.losses());
    double low = Math.min(min(smoothed), min(raw));
    double[] validation = finite(curve.validationLosses());
    if (validation.length > 0) {
      low = Math.min(low, min(validation));
    }
    double high = max(falling(smoothed));
    double span = high > low ? high - low : Math.max(Math.abs(high), 1e-3);
    return new LossRange(
        low - MARGIN * span, Math.min(high + HEADROOM * span, max(raw) + MARGIN * span));
  }

  /** Room for what falls of all of them; for rises where none of them falls. */
  static LossRange of(Collection<Curve> curves) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    double highest = Double.NEGATIVE_INFINITY;
    for (Curve curve : curves) {
      double[] smoothed = finite(curve.smoothedLosses());
      double lowest = min(smoothed);
      low = Math.min(low, lowest);
      high = Math.max(high, smoothed.length > 0 ? smoothed[0] : 1);
      highest = Math.max(highest, max(smoothed));
    }
    double top = high > low ? high : highest;
    double span = top > low ? top - low : Math.max(Math.abs(top), 1e-3);
    return new LossRange(
        low - MARGIN * span, Math.min(top + HEADROOM * span, highest + MARGIN * span));
  }

  /** Up to the lowest smoothed loss; all of them where the first is the lowest. */
  private static double[] falling(double[] smoothed) {
    double lowest = min(smoothed);
    int end = 0;
    while (end < smoothed.length && smoothed[end] > lowest) {
      end++;
    }
    return end == 0 ? smoothed : Arrays.copyOf(smoothed, end);
  }

  private static double min(double[] values) {
    return Arrays.stream(values).min().orElse(0);
  }

  private static double max(double[] values) {
    return Arrays.stream(values).max().orElse(1);
  }

  private static double[] finite(double[] values) {
    return Arrays.stream(values).filter(Double::isFinite).toArray();
  }

  double clamp(double loss) {
    return Double.isFinite(loss) ? Math.min(Math.max(loss, low), high) : high;
  }

  double[] clamp(double[] losses) {
    return Arrays.stream(losses).map(this::clamp).toArray();
  }
}

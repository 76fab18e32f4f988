package org.lrfinder.suggestion;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * Several curves over the same rates as one: point by point the median of their {@linkplain Trend
 * trends}, and what lies around it, of those that go as far, as long as more than half of them do.
 *
 * @param rates learning rates
 * @param low lower quartiles
 * @param median medians
 * @param high upper quartiles
 */
public record Band(double[] rates, double[] low, double[] median, double[] high) {
  /** Creates a band; the arrays are copied on the way in and out. */
  public Band {
    rates = rates.clone();
    low = low.clone();
    median = median.clone();
    high = high.clone();
  }

  /**
   * Makes the band of curves.
   *
   * @param curves all over the same rates as far as they go
   * @param settings what their sweeps were to do
   * @return their band; without a point if at most half of them have a finite loss
   */
  public static Band of(List<Curve> curves, SweepSettings settings) {
    List<Trend> trends =
        curves.stream()
            .map(curve -> Trend.of(curve, settings))
            .flatMap(Optional::stream)
            .sorted(Comparator.comparingDouble(Trend::lastRate))
            .toList();
    int leftOut = curves.size() - trends.size();
    int ends = (curves.size() + 1) / 2 - 1 - leftOut; // with it, half of them have ended
    if (ends < 0) {
      return new Band(new double[0], new double[0], new double[0], new double[0]);
    }
    double end = trends.get(ends).lastRate();
    double[] rates =
        Arrays.stream(trends.get(trends.size() - 1).rates()).filter(rate -> rate <= end).toArray();
    double[][] bounds = new double[3][rates.length];
    for (int i = 0; i < rates.length; i++) {
      double rate = rates[i];
      double[] sorted =
          trends.stream()
              .filter(trend -> rate <= trend.lastRate())
              .mapToDouble(trend -> trend.at(rate))
              .sorted()
              .toArray();
      for (int quarter = 1; quarter <= 3; quarter++) {
        bounds[quarter - 1][i] = quantile(sorted, quarter / 4.0);
      }
    }
    return new Band(rates, bounds[0], bounds[1], bounds[2]);
  }

  /**
   * Computes a quantile, linear between values.
   *
   * @param sorted rising, at least one
   * @param share from 0 to 1
   * @return the quantile
   */
  public static double quantile(double[] sorted, double share) {
    double position = share * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }

  @Override
  public double[] rates() {
    return rates.clone();
  }

  @Override
  public double[] low() {
    return low.clone();
  }

  @Override
  public double[] median() {
    return median.clone();
  }

  @Override
  public double[] high() {
    return high.clone();
  }

  /** {@return the number of points} */
  public int size() {
    return rates.length;
  }
}

package org.lrfinder;

import java.util.List;
import java.util.OptionalDouble;
import org.lrfinder.report.Findings;
import org.lrfinder.suggestion.Band;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * Sweeps from the same snapshot over different batches: how far an answer is one of the batches.
 * Immutable.
 *
 * @param sweeps each of them, in their order
 */
public record Repeats(List<Repeat> sweeps) {
  /**
   * One of the sweeps.
   *
   * @param curve what it recorded
   * @param status whether it has a suggestion to trust
   * @param lr what the chosen rule said of it; empty if nothing
   */
  public record Repeat(Curve curve, Status status, OptionalDouble lr) {
    static Repeat of(LrFinderResult result) {
      return new Repeat(
          result.results(),
          result.status(),
          result.suggestions().stream()
              .filter(s -> s.rule().equals(result.rule()))
              .mapToDouble(s -> s.lr())
              .findFirst());
    }
  }

  /** Creates repeats. */
  public Repeats {
    sweeps = List.copyOf(sweeps);
  }

  /** {@return rates suggested by the sweeps whose status is OK, rising} */
  public double[] suggested() {
    return sweeps.stream()
        .filter(sweep -> sweep.status() == Status.OK)
        .flatMapToDouble(sweep -> sweep.lr().stream())
        .sorted()
        .toArray();
  }

  /** {@return the median of {@link #suggested}, the lower of two middle ones; empty if none} */
  public OptionalDouble median() {
    double[] rates = suggested();
    return rates.length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(rates[(rates.length - 1) / 2]);
  }

  /**
   * Computes how far the suggestions lie apart.
   *
   * @return from the lower to the upper quartile of {@link #suggested}, in decades of the rate;
   *     empty if there are fewer than two
   */
  public OptionalDouble spread() {
    double[] rates = suggested();
    return rates.length < 2
        ? OptionalDouble.empty()
        : OptionalDouble.of(Math.log10(Band.quantile(rates, 0.75) / Band.quantile(rates, 0.25)));
  }

  /**
   * Lays the sweeps' trends over one another.
   *
   * @param settings what the sweeps were to do, the result's
   * @return their median and quartiles
   */
  public Band band(SweepSettings settings) {
    return Band.of(sweeps.stream().map(Repeat::curve).toList(), settings);
  }

  Findings.Repeated reported() {
    return new Findings.Repeated(
        sweeps.stream()
            .map(sweep -> new Findings.Run(sweep.curve().size(), sweep.status(), sweep.lr()))
            .toList(),
        median(),
        spread());
  }
}

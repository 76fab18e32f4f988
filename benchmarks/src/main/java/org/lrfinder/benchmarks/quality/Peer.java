package org.lrfinder.benchmarks.quality;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.lrfinder.suggestion.Steepest;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * A finder of another tool as it is shipped: its rates, its running loss, its stop and its rule.
 * The library's tests hold the rules to the tools' own picks.
 *
 * @param rule by its own window
 */
record Peer(String name, Ladder ladder, RunningLoss running, double stop, SuggestionRule rule) {
  /** The rates that a tool sweeps. */
  enum Ladder {
    /** Lightning's, whose second rate is left out. */
    LIGHTNING(1e-8, 1) {
      @Override
      double share(int step, int steps) {
        return step == 0 ? 0 : (step + 1.0) / steps;
      }
    },
    /** fastai's, whose last rate is not reached. */
    FASTAI(1e-7, 10) {
      @Override
      double share(int step, int steps) {
        return step / (double) steps;
      }
    },
    /** That of torch-lr-finder, over fastai's range. */
    EVEN(1e-7, 10) {
      @Override
      double share(int step, int steps) {
        return step / (steps - 1.0);
      }
    };

    private final double first;
    private final double last;

    Ladder(double first, double last) {
      this.first = first;
      this.last = last;
    }

    abstract double share(int step, int steps);

    double[] rates(int steps) {
      double[] rates = new double[steps];
      Arrays.setAll(rates, step -> first * Math.pow(last / first, share(step, steps)));
      return rates;
    }

    SweepSettings settings(int steps) {
      return SweepSettings.builder().minLr(first).maxLr(last).steps(steps).build();
    }
  }

  /** How a tool smooths. */
  private interface RunningLoss {
    double[] of(double[] losses);
  }

  private static final double BETA = 0.98;
  private static final double SMOOTHING = 0.05;

  private static final RunningLoss CORRECTED = losses -> average(losses, 1);

  /** Every one that the report has, at its own constants. */
  static final List<Peer> ALL =
      List.of(
          new Peer("Lightning 0.8.1", Ladder.LIGHTNING, CORRECTED, 4, new Steepest()),
          new Peer(
              "Lightning 2.6.6",
              Ladder.LIGHTNING,
              losses -> average(losses, 2),
              4,
              new Steepest(10, 1, Steepest.Spacing.RATE)),
          new Peer("torch-lr-finder", Ladder.EVEN, Peer::exponential, 5, new Steepest(10, 5)),
          fastai("valley"),
          fastai("slide"),
          fastai("minimum"),
          fastai("steep"));

  private static Peer fastai(String rule) {
    return new Peer("fastai's " + rule, Ladder.FASTAI, CORRECTED, 4, SuggestionRules.named(rule));
  }

  /**
   * Picks.
   *
   * @param losses of the ladder's steps, up to the last finite one
   */
  OptionalDouble pick(double[] losses, int steps) {
    double[] smoothed = losses.length == 0 ? losses : stopped(running.of(losses), stop);
    Curve curve =
        new Curve(
            Arrays.copyOf(ladder.rates(steps), smoothed.length),
            Arrays.copyOf(losses, smoothed.length),
            smoothed);
    return smoothed.length == 0
        ? OptionalDouble.empty()
        : rule.pick(curve, ladder.settings(steps)).stream().mapToDouble(p -> p.lr()).findFirst();
  }

  /** {@return how many steps it takes until it stops} */
  int spent(double[] losses, int steps) {
    int stopped = losses.length == 0 ? 0 : stopped(running.of(losses), stop).length;
    return stopped < losses.length ? stopped : Math.min(losses.length + 1, steps);
  }

  /** Corrected by {@code 1 - beta^(i + offset)}: 1 is right, Lightning 2 has 2. */
  private static double[] average(double[] losses, int offset) {
    double[] smoothed = new double[losses.length];
    double average = 0;
    for (int i = 0; i < losses.length; i++) {
      average = BETA * average + (1 - BETA) * losses[i];
      smoothed[i] = average / (1 - Math.pow(BETA, i + offset));
    }
    return smoothed;
  }

  private static double[] exponential(double[] losses) {
    double[] smoothed = losses.clone();
    for (int i = 1; i < losses.length; i++) {
      smoothed[i] = SMOOTHING * losses[i] + (1 - SMOOTHING) * smoothed[i - 1];
    }
    return smoothed;
  }

  private static double[] stopped(double[] smoothed, double threshold) {
    double best = smoothed[0];
    for (int i = 1; i < smoothed.length; i++) {
      if (smoothed[i] > threshold * best) {
        return Arrays.copyOf(smoothed, i + 1);
      }
      best = Math.min(best, smoothed[i]);
    }
    return smoothed;
  }
}

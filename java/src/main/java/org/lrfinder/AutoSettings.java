package org.lrfinder;

import java.util.Optional;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;

/** How to sweep again after a sweep that was not OK. */
record AutoSettings(boolean range, boolean steps, int budget) {
  static final int DEFAULT_BUDGET = 1000;

  private static final int MORE_STEPS = 300;
  private static final double WIDEN = 100; // exponential: by two decades
  private static final double WIDEN_LINEAR = 2;
  private static final double LARGEST_RATE = 1e4;
  private static final double SHIFT = 1e-4; // of the first rate
  private static final double ABOVE_END = 10; // the divergence is to be seen

  AutoSettings {
    if (budget < 1) {
      throw new IllegalArgumentException("autoBudget is " + budget + ", but must be at least 1");
    }
  }

  /** Empty if nothing helps. */
  Optional<SweepSettings> after(LrFinderResult result) {
    SweepSettings swept = result.settings();
    return switch (result.status()) {
      case OK, NON_FINITE -> Optional.empty();
      case STILL_FALLING -> widened(swept);
      case STARTED_DIVERGED -> shifted(result);
      case NEVER_FELL, TOO_FEW_POINTS -> extended(swept);
      case FLAT_NOISE -> extended(swept).or(() -> widened(swept));
    };
  }

  private Optional<SweepSettings> extended(SweepSettings swept) {
    return steps && swept.steps() < MORE_STEPS
        ? Optional.of(swept.withRates(swept.minLr(), swept.maxLr(), MORE_STEPS))
        : Optional.empty();
  }

  /** Upwards, with as many steps in a decade as before. */
  private Optional<SweepSettings> widened(SweepSettings swept) {
    boolean exponential = swept.mode() == ScheduleMode.EXPONENTIAL;
    double max = Math.min(swept.maxLr() * (exponential ? WIDEN : WIDEN_LINEAR), LARGEST_RATE);
    if (!range || max <= swept.maxLr()) {
      return Optional.empty();
    }
    double longer =
        exponential
            ? Math.log(max / swept.minLr()) / Math.log(swept.maxLr() / swept.minLr())
            : (max - swept.minLr()) / (swept.maxLr() - swept.minLr());
    return Optional.of(
        swept.withRates(swept.minLr(), max, Math.toIntExact(Math.round(swept.steps() * longer))));
  }

  /** Downwards, to just above where the sweep ended. */
  private Optional<SweepSettings> shifted(LrFinderResult result) {
    SweepSettings swept = result.settings();
    double min = swept.minLr() * SHIFT;
    if (!range || !(min >= Double.MIN_NORMAL)) {
      return Optional.empty();
    }
    int size = result.results().size();
    double end = result.results().rate(size - 1);
    return Optional.of(
        swept.withRates(min, Math.min(end * ABOVE_END, swept.maxLr()), swept.steps()));
  }
}

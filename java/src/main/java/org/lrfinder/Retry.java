package org.lrfinder;

import java.util.List;
import java.util.Optional;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;

/** How to sweep again after a sweep that was not OK. */
record Retry(boolean range, boolean steps, int budget) {
  static final int DEFAULT_BUDGET = 1000; // ten sweeps of the default number of steps

  private static final int LEAST_COST = 50; // steps; a sweep that ends at once is not free
  private static final int MORE_STEPS = 300;
  private static final int TIMES_AS_MANY = 3;
  private static final int WORTH_IT = 2; // times as many at least
  private static final double WIDEN = 100; // exponential: by two decades
  private static final double WIDEN_LINEAR = 2;
  private static final double LARGEST_RATE = 1e4;
  private static final double SHIFT = 1e-4; // of the first rate
  private static final int MOST_SHIFTS = 2;
  private static final double SMALLEST_RATE = 1e-12;
  private static final double HARMLESS_RATE = 1e-7; // a divergence there is noise, mostly
  private static final double ABOVE_END = 10; // the divergence is to be seen

  /** Counts what a sweep takes of the budget. */
  static int cost(LrFinderResult result) {
    return Math.max(result.results().size(), LEAST_COST);
  }

  /** Decides what to sweep next; nothing if nothing helps, or too little of the budget is left. */
  Optional<SweepSettings> after(LrFinderResult result, List<Attempt> attempts, int left) {
    SweepSettings swept = result.settings();
    Optional<SweepSettings> next =
        switch (result.status()) {
          case OK, NON_FINITE -> Optional.empty();
          case STILL_FALLING -> widened(swept);
          case STARTED_DIVERGED ->
              swept.minLr() <= HARMLESS_RATE && !extended(swept, attempts)
                  ? longer(swept, left).or(() -> shifted(result, attempts))
                  : shifted(result, attempts);
          case NEVER_FELL, TOO_FEW_POINTS -> longer(swept, left);
          case FLAT_NOISE ->
              doubtful(result)
                  ? longer(swept, left)
                  : extended(swept, attempts)
                      ? widened(swept).or(() -> longer(swept, left))
                      : longer(swept, left).or(() -> widened(swept));
        };
    return next.filter(settings -> settings.steps() <= left);
  }

  /** More steps may make sure of such a fall; higher rates would only add noise. */
  private static boolean doubtful(LrFinderResult result) {
    return Descent.of(result.results(), result.settings()).map(Descent::doubtful).orElse(false);
  }

  /** Tells whether the same range was swept in fewer steps before. */
  private static boolean extended(SweepSettings swept, List<Attempt> attempts) {
    return attempts.stream()
        .anyMatch(before -> before.minLr() == swept.minLr() && before.maxLr() == swept.maxLr());
  }

  private Optional<SweepSettings> longer(SweepSettings swept, int left) {
    long more = Math.min(Math.max(MORE_STEPS, (long) TIMES_AS_MANY * swept.steps()), left);
    return steps && more >= (long) WORTH_IT * swept.steps()
        ? Optional.of(swept.toBuilder().steps((int) more).build())
        : Optional.empty();
  }

  /** Moves the last rate up, with as many steps in a decade as before. */
  private Optional<SweepSettings> widened(SweepSettings swept) {
    boolean exponential = swept.mode() == ScheduleMode.EXPONENTIAL;
    double max = Math.min(swept.maxLr() * (exponential ? WIDEN : WIDEN_LINEAR), LARGEST_RATE);
    if (!range || max <= swept.maxLr() || Double.isInfinite(max / swept.minLr()) && exponential) {
      return Optional.empty();
    }
    double longer =
        exponential
            ? Math.log(max / swept.minLr()) / Math.log(swept.maxLr() / swept.minLr())
            : (max - swept.minLr()) / (swept.maxLr() - swept.minLr());
    long more = Math.min(Math.round(swept.steps() * longer), Integer.MAX_VALUE);
    return Optional.of(swept.toBuilder().maxLr(max).steps((int) more).build());
  }

  /** Moves the range down, to just above where the sweep ended. */
  private Optional<SweepSettings> shifted(LrFinderResult result, List<Attempt> attempts) {
    SweepSettings swept = result.settings();
    double min = Math.max(swept.minLr() * SHIFT, SMALLEST_RATE);
    long shifts =
        attempts.stream()
            .mapToDouble(Attempt::minLr)
            .filter(before -> before > swept.minLr())
            .distinct()
            .count();
    if (!range || !(min < swept.minLr()) || shifts >= MOST_SHIFTS) {
      return Optional.empty();
    }
    int size = result.results().size();
    double end = result.results().rate(size - 1);
    return Optional.of(
        swept.toBuilder().minLr(min).maxLr(Math.min(end * ABOVE_END, swept.maxLr())).build());
  }
}

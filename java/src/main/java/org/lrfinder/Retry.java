package org.lrfinder;

import java.util.List;
import java.util.Optional;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;

/**
 * How to sweep again: in another range where the first was wrong, and with more steps, spent where
 * they tell most, where the answer is not sure.
 */
record Retry(boolean range, boolean steps, int budget) {
  static final int DEFAULT_BUDGET = 1000; // ten sweeps of the default number of steps

  private static final int LEAST_COST = 50; // steps; a sweep that ends at once is not free
  private static final int FINE_STEPS = 140;
  private static final int TIMES_AS_MANY = 2;
  private static final int MAP = 100; // steps: fewer show where to look
  private static final double NARROW = 1.2; // decades of the suggestion's interval
  private static final double BELOW_FALL = 2; // decades below its middle, to show the level before
  private static final double LEAST_BELOW_FALL = 1; // decades
  private static final double ABOVE_END = 0.3; // decades: the divergence is to be seen
  private static final double WITHOUT_FALL = 4; // decades up to there
  private static final double WIDEN = 100; // exponential: by two decades
  private static final double WIDEN_LINEAR = 2;
  private static final double LARGEST_RATE = 1e4;
  private static final double SHIFT = 1e-4; // of the first rate
  private static final int MOST_SHIFTS = 2;
  private static final double SMALLEST_RATE = 1e-12;
  private static final double HARMLESS_RATE = 1e-7; // a divergence there is noise, mostly
  private static final double ABOVE_SHIFTED = 10; // times the last rate

  /** Counts what a sweep takes of the budget. */
  static int cost(LrFinderResult result) {
    return Math.max(result.results().size(), LEAST_COST);
  }

  /** Decides what to sweep next; nothing if nothing helps, or too little of the budget is left. */
  Optional<SweepSettings> after(LrFinderResult result, List<Attempt> attempts, int left) {
    if (!range && !steps) {
      return Optional.empty();
    }
    SweepSettings swept = result.settings();
    Optional<Descent> descent = Descent.of(result.results(), swept);
    Optional<SweepSettings> next =
        switch (result.status()) {
          case OK -> steps ? surer(result, descent, attempts, left) : Optional.empty();
          case NON_FINITE -> Optional.empty();
          case STILL_FALLING -> widened(swept);
          case STARTED_DIVERGED ->
              swept.minLr() <= HARMLESS_RATE && !extended(swept, attempts)
                  ? longer(swept, left).or(() -> shifted(result, attempts))
                  : shifted(result, attempts);
          case NEVER_FELL -> closer(swept, descent, attempts, left);
          case TOO_FEW_POINTS -> longer(swept, left);
          case FLAT_NOISE ->
              // More steps may make sure of a doubtful fall; higher rates would only add noise.
              descent.map(Descent::doubtful).orElse(false)
                  ? closer(swept, descent, attempts, left)
                  : extended(swept, attempts)
                      ? widened(swept).or(() -> longer(swept, left))
                      : longer(swept, left).or(() -> widened(swept));
        };
    return next.filter(settings -> settings.steps() <= left);
  }

  /** A closer look, if it helps; what another rule says gets no better by more points. */
  private Optional<SweepSettings> surer(
      LrFinderResult result, Optional<Descent> descent, List<Attempt> attempts, int left) {
    SweepSettings swept = result.settings();
    if (!result.rule().equals(new MiddleOfFall().name())) {
      return Optional.empty();
    }
    if (!isSure(result)) {
      return closer(swept, descent, attempts, left);
    }
    return beginsLate(swept, descent, attempts)
        ? Optional.of(aroundFall(swept, descent, attempts))
        : Optional.empty();
  }

  /** Tells whether the sweep was no mere map, and its noise leaves the rate hardly open. */
  private static boolean isSure(LrFinderResult result) {
    SweepSettings swept = result.settings();
    boolean map = swept.mode() == ScheduleMode.EXPONENTIAL && swept.steps() < MAP;
    return !map
        && result
            .suggestion()
            .flatMap(Suggestion::interval)
            .filter(interval -> interval.decades() > NARROW)
            .isEmpty();
  }

  /**
   * Tells whether a closer look began in the fall, or right above it: the level before it is then
   * too low, and the pick too high.
   */
  private static boolean beginsLate(
      SweepSettings swept, Optional<Descent> descent, List<Attempt> attempts) {
    double below = descent.orElseThrow().half() - Math.log10(swept.minLr());
    return below < LEAST_BELOW_FALL && lowestRate(swept, attempts) < swept.minLr();
  }

  /** Finds the lowest rate that was swept. */
  private static double lowestRate(SweepSettings swept, List<Attempt> attempts) {
    return attempts.stream().mapToDouble(Attempt::minLr).reduce(swept.minLr(), Math::min);
  }

  /** Tells whether the same range was swept in fewer steps before. */
  private static boolean extended(SweepSettings swept, List<Attempt> attempts) {
    return attempts.stream()
        .anyMatch(before -> before.minLr() == swept.minLr() && before.maxLr() == swept.maxLr());
  }

  /** More steps in the same range. */
  private Optional<SweepSettings> longer(SweepSettings swept, int left) {
    long more = Math.min(Math.max(FINE_STEPS, (long) TIMES_AS_MANY * swept.steps()), left);
    return steps && more >= (long) TIMES_AS_MANY * swept.steps()
        ? Optional.of(swept.toBuilder().steps((int) more).build())
        : Optional.empty();
  }

  /** More points in the decades around the fall, or those below the divergence if there is none. */
  private Optional<SweepSettings> closer(
      SweepSettings swept, Optional<Descent> descent, List<Attempt> attempts, int left) {
    return longer(swept, left).map(more -> aroundFall(more, descent, attempts));
  }

  private static SweepSettings aroundFall(
      SweepSettings settings, Optional<Descent> descent, List<Attempt> attempts) {
    if (settings.mode() != ScheduleMode.EXPONENTIAL
        || !settings.groupRanges().isEmpty()
        || descent.isEmpty()) {
      return settings;
    }
    boolean clear = descent.get().clear();
    double end = descent.get().end() + ABOVE_END;
    double start = clear ? descent.get().half() - BELOW_FALL : end - WITHOUT_FALL;
    double min = Math.max(Math.pow(10, start), lowestRate(settings, attempts));
    double max = Math.min(Math.pow(10, end), settings.maxLr());
    return settings.toBuilder().minLr(min).maxLr(max).build();
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
        swept.toBuilder().minLr(min).maxLr(Math.min(end * ABOVE_SHIFTED, swept.maxLr())).build());
  }
}

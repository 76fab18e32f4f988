package org.lrfinder.cli;

import java.util.Iterator;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.models.Network;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.sweep.ScheduleMode;
import picocli.CommandLine.Option;

/** Options of the commands that sweep: how the answer comes about, by which engine and where. */
final class AnswerOptions {
  static final double MIN_LR = 1e-7;
  static final double MAX_LR = 10;

  /** Enough to see where a closer sweep is to look. */
  private static final int FIRST_STEPS = 60;

  /** The first sweep, a closer one, and another where that is not sure. */
  private static final int BUDGET = 500;

  /** Of a sweep that no closer one follows. */
  private static final int STEPS = 300;

  private static final int TIMES_STEPS = 10; // the budget of those

  @Option(
      names = "--rule",
      paramLabel = "NAME",
      completionCandidates = RuleNames.class,
      description = "What suggests: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}")
  private String rule = "middle-of-fall";

  @Option(
      names = "--auto-range",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Sweep again in a wider or lower range where this one was wrong. Default: on")
  private boolean autoRange;

  @Option(
      names = "--auto-steps",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description =
          "Sweep again in the decades around the fall, and with more steps where that is not sure yet. Default: on")
  private boolean autoSteps;

  @Option(
      names = "--auto-budget",
      paramLabel = "STEPS",
      description =
          "Steps of all these sweeps together, each counted as 50 at least. Default: 500 where the first shows where to look closer, else ten times its steps")
  private @Nullable Integer autoBudget;

  @Option(
      names = "--repeats",
      paramLabel = "N",
      description =
          "Sweeps over different batches, whose median is suggested. Default: ${DEFAULT-VALUE}")
  private int repeats = 1;

  @Option(names = "--mark-rules", description = "Mark every rule in the plot.")
  private boolean marksRules;

  @Option(
      names = "--watch",
      description = "Draw the curve in the terminal while it grows; quiet where there is none.")
  private boolean watched;

  @Option(
      names = "--engine",
      paramLabel = "ENGINE",
      description = "auto, native or portable. Default: auto")
  private EngineChoice engine = EngineChoice.AUTO;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description =
          "cpu, cuda or cuda:N: where network and data are put. Default: ${DEFAULT-VALUE}")
  private String device = "cpu";

  @Option(
      names = "--replay",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Let the native engine replay steps from a recording. Default: on")
  private boolean replay;

  /** The library's. */
  static final class RuleNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return SuggestionRules.all().stream().map(SuggestionRule::name).iterator();
    }
  }

  /** {@return how many steps a sweep has that is told none} */
  int steps(ScheduleMode mode) {
    boolean closer =
        autoSteps
            && mode == ScheduleMode.EXPONENTIAL
            && InputException.ifRefused(() -> SuggestionRules.named(rule)) instanceof MiddleOfFall;
    return closer ? FIRST_STEPS : STEPS;
  }

  private long budget(int stepsOfASweep) {
    return autoBudget != null
        ? autoBudget
        : stepsOfASweep <= FIRST_STEPS ? BUDGET : (long) TIMES_STEPS * stepsOfASweep;
  }

  /**
   * {@return how many steps there may be: of all sweeps together, and of the last one's repeats}
   */
  long mostSteps(int stepsOfASweep) {
    long search = autoRange || autoSteps ? budget(stepsOfASweep) : 0;
    return Math.max(search, stepsOfASweep)
        + (repeats - 1L) * Math.max(autoSteps ? search : 0, stepsOfASweep);
  }

  boolean marksRules() {
    return marksRules;
  }

  boolean watched() {
    return watched;
  }

  /** {@return the device, which is there} */
  String device() {
    return InputException.ifRefused(
        () -> {
          Devices.requirePresent(Devices.requireName(device));
          return device;
        });
  }

  /** Moves a network to the device, before its optimizer is made. */
  void place(Network network) {
    try (Device there = Devices.of(device)) {
      network.module().to(there, false);
    }
  }

  /** Throws InputException if one of these options or of the finder's is out of its range. */
  LrFinder.Builder applyTo(LrFinder.Builder finder, int stepsOfASweep) {
    return InputException.ifRefused(
        () -> {
          finder
              .rule(rule)
              .repeats(repeats)
              .autoRange(autoRange)
              .autoSteps(autoSteps)
              .autoBudget((int) Math.min(budget(stepsOfASweep), Integer.MAX_VALUE))
              .engine(engine)
              .replay(replay)
              .build();
          return finder;
        });
  }
}

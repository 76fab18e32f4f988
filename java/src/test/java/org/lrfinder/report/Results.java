package org.lrfinder.report;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.Consumer;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.Repeats;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;

/** Results to be reported. */
final class Results {
  static final String HOSTILE = "</script><script>window.ran=1</script><img src=x onerror=ran=1>";
  static final EngineInfo ENGINE =
      new EngineInfo(
          "native",
          Optional.empty(),
          "cuda:0",
          8,
          "MKL",
          "2.10.0",
          "late",
          Optional.of("no graph"),
          Optional.of(new DeviceInfo("NVIDIA H200", "570.86.15", "9.0", 1L << 36, 1L << 37)));

  private Results() {}

  /** A sweep whose loss falls and diverges. */
  static LrFinderResult falling(Consumer<LrFinder.Builder> with) {
    LrFinder.Builder finder = LrFinder.builder().minLr(1e-4).maxLr(100);
    with.accept(finder);
    return finder.build().find(stepFunction());
  }

  private static StepFunction stepFunction() {
    double[] weight = {5};
    Random noise = new Random(1);
    return StepFunction.of(
        lr -> {
          double loss = weight[0] * weight[0] + noise.nextDouble();
          weight[0] -= lr * 2 * weight[0];
          return loss;
        });
  }

  /** The same with these settings, groups, engine. */
  static LrFinderResult with(SweepSettings settings, List<GroupRate> groups, EngineInfo engine) {
    LrFinderResult falling = falling(finder -> {});
    Answer answer =
        Answer.to(
            settings,
            falling.results(),
            falling.endReason(),
            groups,
            SuggestionRules.named("steepest"));
    return LrFinderResult.of(
        settings,
        falling.results(),
        falling.endReason(),
        groups,
        answer,
        engine,
        new Replay(7, Optional.empty()));
  }

  /** Every text of it that is not the library's own wants to be a script. */
  static LrFinderResult hostile() {
    LrFinderResult falling = falling(finder -> {});
    Suggestion own =
        Suggestion.of(falling.results(), 1e-2, List.of(GroupRate.swept(1)), "rule " + HOSTILE);
    Curve curve = falling.results();
    return LrFinderResult.of(
            falling.settings(),
            curve,
            falling.endReason(),
            List.of(GroupRate.swept(1)),
            new Answer(
                own.rule(),
                Status.OK,
                List.of(own),
                Optional.empty(),
                OptionalDouble.empty(),
                List.of("warning " + HOSTILE)),
            new EngineInfo(
                "engine " + HOSTILE,
                Optional.of("reason " + HOSTILE),
                "device " + HOSTILE,
                1,
                "blas " + HOSTILE,
                "libtorch " + HOSTILE,
                "path " + HOSTILE,
                Optional.of("path reason " + HOSTILE),
                Optional.of(new DeviceInfo("card " + HOSTILE, HOSTILE, HOSTILE, 1, 2))),
            new Replay(0, Optional.of("replay " + HOSTILE)))
        .with(
            List.of(),
            new Repeats(List.of(new Repeats.Repeat(curve, Status.OK, OptionalDouble.of(1e-2)))),
            List.of());
  }

  static LrFinderResult ofStatus(Status status) {
    LrFinderResult falling = falling(finder -> {});
    return LrFinderResult.of(
        falling.settings(),
        falling.results(),
        EndReason.COMPLETED,
        falling.groups(),
        new Answer(
            falling.rule(),
            status,
            falling.suggestions(),
            Optional.empty(),
            OptionalDouble.empty(),
            List.of()),
        ENGINE,
        new Replay(7, Optional.empty()));
  }
}

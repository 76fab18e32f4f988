package org.lrfinder;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.internal.engine.EngineSweep;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.ModelClaim;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.Peers;
import org.lrfinder.internal.engine.SweepSubject;
import org.lrfinder.internal.loop.BatchCycle;
import org.lrfinder.internal.loop.Deadline;
import org.lrfinder.internal.loop.FlightLog;
import org.lrfinder.internal.loop.GroupRatePlan;
import org.lrfinder.internal.loop.Stepper;
import org.lrfinder.internal.loop.SweepLoop;
import org.lrfinder.internal.loop.Validation;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepListener;
import org.lrfinder.sweep.SweepSettings;

/** Does a finder's sweeps: starts each from the model as it is, and restores whatever happens. */
record Sweeps(
    SweepSettings settings,
    EngineChoice engine,
    SuggestionRule rule,
    Search search,
    @Nullable SweepListener listener,
    BooleanSupplier cancelled,
    Duration maxDuration) {
  private static final String UNRESTORED =
      "the step function restores nothing, so that each sweep went on where the one before had ended: give save and restore to StepFunction.of";

  <B> LrFinderResult of(SweepTask<B> task) {
    StepFunction step = task.step();
    return step == null ? overBatches(task) : of(step);
  }

  private LrFinderResult of(StepFunction step) {
    Deadline deadline = Deadline.after(maxDuration);
    LrFinderResult result =
        search.run(
            settings,
            swept -> {
              step.save();
              return restoring(
                  step::restore,
                  () ->
                      run(
                          swept,
                          new Stepper.OfFunction(step, swept),
                          List.of(GroupRate.swept(1)),
                          EngineInfo::ofStepFunction,
                          () -> Replay.of(0, "a step function does its own steps"),
                          deadline));
            });
    boolean onceOnly = result.attempts().isEmpty() && result.repeats().isEmpty();
    return step.restores() || onceOnly
        ? result
        : result.with(result.attempts(), result.repeats().orElse(null), List.of(UNRESTORED));
  }

  private <B> LrFinderResult overBatches(SweepTask<B> task) {
    try (Peers peers = task.peers()) {
      return Peers.telling(
          peers,
          () -> {
            LrFinderResult found = overBatches(task, peers);
            if (peers != null) {
              peers.meet(); // until here any of them may have failed
            }
            return found;
          });
    }
  }

  private <B> LrFinderResult overBatches(SweepTask<B> task, @Nullable Peers peers) {
    task.requireDevice();
    SweepSubject subject = task.subject();
    List<Objective<B>> objectives = task.objectives();
    for (int part = 0; part < objectives.size(); part++) {
      objectives.get(part).require(subject.parts().get(part));
    }
    Deadline deadline = Deadline.after(maxDuration);
    List<GroupRate> rates = GroupRatePlan.of(subject.optimizers(), task.swept(), settings);
    // From the first sweep to the last: between them nobody else may begin.
    try (ModelClaim claim = ModelClaim.ofSweep(subject);
        BatchCycle<B> cycle =
            new BatchCycle<>(
                task.batches(), settings.cycleData(), Engines.cutters(engine, objectives))) {
      return search.run(
          settings,
          swept -> {
            try (EngineSweep sweep = Engines.of(engine).start(subject, swept, rates, peers)) {
              return restoring(
                  sweep::restore,
                  () ->
                      Peers.telling(
                          peers,
                          () -> {
                            if (peers != null) {
                              sweep.agree(alike(swept, subject, rates), task.isValidated());
                            }
                            try (Validation<?> validation =
                                    task.validation(subject, sweep, swept.validationBatchCount());
                                // Closing runs code of the user's, which a single sweep restores
                                // after.
                                BatchCycle<B> walk = search.isOneSweep() ? cycle : null) {
                              return run(
                                  swept,
                                  new Stepper.OfBatches<>(
                                      sweep,
                                      objectives,
                                      cycle,
                                      swept.step().accumulateGradBatches(),
                                      validation),
                                  rates,
                                  sweep::info,
                                  sweep::replay,
                                  deadline);
                            }
                          }));
            }
          });
    }
  }

  private LrFinderResult run(
      SweepSettings swept,
      Stepper stepper,
      List<GroupRate> rates,
      Supplier<EngineInfo> info,
      Supplier<Replay> replay,
      Deadline deadline) {
    FlightLog flight = FlightLog.begin();
    SweepLoop.Recorded recorded =
        new SweepLoop(swept, listener, cancelled, deadline).run(stepper, flight);
    EngineInfo computed = info.get();
    flight.endSweep(swept, recorded.curve(), recorded.endReason(), computed);
    Answer answer =
        Answer.to(swept, recorded.curve(), recorded.endReason(), rates, rule)
            .withWarnings(Engines.warnings(computed));
    return LrFinderResult.of(
        swept, recorded.curve(), recorded.endReason(), rates, answer, computed, replay.get());
  }

  /** What all processes have to have alike, beside the parameters. */
  private static Map<String, Object> alike(
      SweepSettings swept, SweepSubject subject, List<GroupRate> rates) {
    Map<String, Object> values = new LinkedHashMap<>(swept.asMap());
    values.put(
        "optimizers",
        subject.optimizers().stream().map(optimizer -> optimizer.getClass().getName()).toList());
    values.put("rates of the groups", rates);
    return values;
  }

  /** Runs the sweep and restores, whatever happens. */
  private static LrFinderResult restoring(Runnable restore, Supplier<LrFinderResult> sweep) {
    Throwable failure = null;
    try {
      return sweep.get();
    } catch (Throwable e) {
      failure = e;
      throw e;
    } finally {
      restore(restore, failure);
    }
  }

  /** A model that is not as it was outweighs what ended the sweep, which is not lost. */
  private static void restore(Runnable restore, @Nullable Throwable failure) {
    try {
      restore.run();
    } catch (Throwable e) {
      RestoreException broken = e instanceof RestoreException r ? r : new RestoreException(e);
      if (failure != null) {
        broken.addSuppressed(failure);
      }
      throw broken;
    }
  }
}

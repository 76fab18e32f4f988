package org.lrfinder;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.EngineSweep;
import org.lrfinder.engine.Objective;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.SweepSettings;

/** Does the optimizer steps that a sweep asks for. */
interface Stepper {
  /**
   * Does one step.
   *
   * @return null to go on, else why the sweep ends; after {@link EndReason#DIVERGED} the step was
   *     recorded, otherwise not
   */
  @Nullable EndReason step(double lr);

  double lastLoss();

  double smoothedLoss();

  double bestLoss();

  /** The loss on the validation batches now; null without them. */
  @Nullable Double validationLoss();

  /** Steps of an engine over batches. */
  final class OfBatches<B> implements Stepper {
    private final EngineSweep sweep;
    private final List<? extends Objective<B>> objectives;
    private final BatchCycle<B> batches;
    private final int microBatches;
    private final @Nullable Validation validation;

    OfBatches(
        EngineSweep sweep,
        List<? extends Objective<B>> objectives,
        BatchCycle<B> batches,
        int microBatches,
        @Nullable Validation validation) {
      this.sweep = sweep;
      this.objectives = objectives;
      this.batches = batches;
      this.microBatches = microBatches;
      this.validation = validation;
    }

    @Override
    public @Nullable EndReason step(double lr) {
      for (int i = 1; i < microBatches; i++) {
        B batch = batches.next();
        if (batch == null) {
          return i == 1 ? EndReason.DATA_EXHAUSTED : partialStep(lr);
        }
        for (Objective<B> objective : objectives) {
          objective.accumulate(sweep, batch);
        }
      }
      B batch = batches.next();
      if (batch == null) {
        return microBatches == 1 ? EndReason.DATA_EXHAUSTED : partialStep(lr);
      }
      EndReason end = null;
      for (int part = 0; part < objectives.size() && end == null; part++) {
        end = endOf(objectives.get(part).step(sweep, batch, lr));
      }
      return end;
    }

    /** The data ended within the step. */
    private @Nullable EndReason partialStep(double lr) {
      EndReason end = null;
      for (int part = 0; part < objectives.size() && end == null; part++) {
        end = endOf(sweep.finish(lr, part));
      }
      return end;
    }

    private static @Nullable EndReason endOf(EngineSweep.Outcome outcome) {
      return switch (outcome) {
        case CONTINUE -> null;
        case DIVERGED -> EndReason.DIVERGED;
        case NON_FINITE -> EndReason.NON_FINITE;
      };
    }

    @Override
    public double lastLoss() {
      return sweep.lastLoss();
    }

    @Override
    public double smoothedLoss() {
      return sweep.smoothedLoss();
    }

    @Override
    public double bestLoss() {
      return sweep.bestLoss();
    }

    @Override
    public @Nullable Double validationLoss() {
      return validation == null ? null : validation.loss();
    }
  }

  /** Steps of a caller's function. */
  final class OfFunction implements Stepper {
    private final StepFunction function;
    private final LossTracker tracker;

    OfFunction(StepFunction function, SweepSettings settings) {
      this.function = function;
      this.tracker = LossTracker.of(settings);
    }

    @Override
    public @Nullable EndReason step(double lr) {
      double loss = function.step(lr);
      if (!Double.isFinite(loss)) {
        return EndReason.NON_FINITE;
      }
      return tracker.add(loss) ? EndReason.DIVERGED : null;
    }

    @Override
    public double lastLoss() {
      return tracker.last();
    }

    @Override
    public double smoothedLoss() {
      return tracker.smoothed();
    }

    @Override
    public double bestLoss() {
      return tracker.best();
    }

    @Override
    public @Nullable Double validationLoss() {
      return null;
    }
  }
}

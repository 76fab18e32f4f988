package org.lrfinder.internal.loop;

import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.EngineSweep;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.Outcome;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.RunningLoss;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;

/** Does the optimizer steps that a sweep asks for. */
public interface Stepper {
  /**
   * Does one step.
   *
   * @param interruption asked where a batch was left out: why the sweep has to end before the step
   *     is done, null to go on
   * @return null to go on, else why the sweep ends; after {@link EndReason#DIVERGED} the step was
   *     recorded, otherwise not
   */
  @Nullable EndReason step(double lr, Supplier<@Nullable EndReason> interruption);

  /** The losses after the last step that was recorded, always as they are now. */
  RunningLoss runningLoss();

  /** The loss on the validation batches now; null without them. */
  @Nullable Double validationLoss();

  /** Steps of an engine over batches. */
  record OfBatches<B>(
      EngineSweep sweep,
      List<? extends Objective<B>> objectives,
      BatchCycle<B> batches,
      int microBatches,
      @Nullable Validation<?> validation)
      implements Stepper {
    @Override
    public @Nullable EndReason step(double lr, Supplier<@Nullable EndReason> interruption) {
      int accumulated = 0;
      while (true) {
        B batch = batches.next();
        if (batch == null) {
          return accumulated == 0 ? EndReason.DATA_EXHAUSTED : partialStep(lr);
        }
        if (accumulated < microBatches - 1) {
          if (accumulate(batch)) {
            batches.use();
            accumulated++;
            continue;
          }
        } else {
          Outcome first = objectives.get(0).step(sweep, batch, lr);
          if (first != null) {
            batches.use();
            return lastMicroBatch(first, batch, lr);
          }
        }
        EndReason end = interruption.get();
        if (end != null) {
          return end;
        }
      }
    }

    /** Returns false if the first objective left the batch out; the others never do. */
    private boolean accumulate(B batch) {
      for (int part = 0; part < objectives.size(); part++) {
        if (!objectives.get(part).accumulate(sweep, batch)) {
          return false;
        }
      }
      return true;
    }

    private @Nullable EndReason lastMicroBatch(Outcome first, B batch, double lr) {
      EndReason end = first.end();
      for (int part = 1; part < objectives.size() && end == null; part++) {
        end = objectives.get(part).step(sweep, batch, lr).end();
      }
      return end;
    }

    /** The data ended within the step. */
    private @Nullable EndReason partialStep(double lr) {
      EndReason end = null;
      for (int part = 0; part < objectives.size() && end == null; part++) {
        end = sweep.finish(lr, part).end();
      }
      return end;
    }

    @Override
    public RunningLoss runningLoss() {
      return sweep.runningLoss();
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
    private int steps;
    private boolean validated;

    public OfFunction(StepFunction function, SweepSettings settings) {
      this.function = function;
      this.tracker = LossTracker.of(settings);
    }

    @Override
    public @Nullable EndReason step(double lr, Supplier<@Nullable EndReason> interruption) {
      double loss = function.step(lr);
      if (!Double.isFinite(loss)) {
        return EndReason.NON_FINITE;
      }
      return tracker.add(loss) ? EndReason.DIVERGED : null;
    }

    @Override
    public RunningLoss runningLoss() {
      return tracker;
    }

    @Override
    public @Nullable Double validationLoss() {
      OptionalDouble loss = function.validationLoss();
      if (steps++ == 0) {
        validated = loss.isPresent();
      } else if (loss.isPresent() != validated) {
        throw new IllegalArgumentException(
            "validationLoss() was %s after step %d, but not after those before: it must be so after every step or after none"
                .formatted(validated ? "empty" : "present", steps));
      }
      return validated ? loss.getAsDouble() : null;
    }
  }
}

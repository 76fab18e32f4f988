package org.lrfinder.internal.loop;

import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.EngineSweep;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.Outcome;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.RunningLoss;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;

/**
 * Does the optimizer steps that a sweep asks for. Their losses become known in order, each at once
 * or, on a device, some steps later.
 */
public interface Stepper {
  /**
   * Hears that the sweep is to end from outside. Of several processes all end together.
   *
   * @return whether it ends with a step that is still to be begun, whose outcome says so; false if
   *     it ends now
   */
  default boolean ends(EndReason reason) {
    return false;
  }

  /**
   * Begins a step.
   *
   * @param interrupted asked where a batch was left out: whether the sweep has to end before the
   *     step is begun
   * @return what the oldest step found whose loss was not known; {@link Outcome#PENDING} if it is
   *     not known yet; null if no step was begun, since the data have ended or it was interrupted
   */
  @Nullable Outcome step(double lr, BooleanSupplier interrupted);

  /** Waits for the oldest step whose loss is not known; asked only if there is one. */
  Outcome settle();

  /** The losses after the last step that was recorded, always as they are now. */
  RunningLoss runningLoss();

  /** The loss on the validation batches now; null without them. With them no step is late. */
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
    public boolean ends(EndReason reason) {
      if (sweep.isShared()) {
        sweep.end(reason);
      }
      return sweep.isShared();
    }

    @Override
    public @Nullable Outcome step(double lr, BooleanSupplier interrupted) {
      Outcome found = begun(lr, interrupted);
      return found == Outcome.PENDING && validation != null ? settle() : found;
    }

    private @Nullable Outcome begun(double lr, BooleanSupplier interrupted) {
      int accumulated = 0;
      while (true) {
        B batch = batches.next();
        if (batch == null) {
          return accumulated == 0 && !ends(EndReason.DATA_EXHAUSTED) ? null : partialStep(lr);
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
        if (interrupted.getAsBoolean()) {
          return sweep.isShared() ? partialStep(lr) : null; // the others wait for it
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

    private @Nullable Outcome lastMicroBatch(Outcome first, B batch, double lr) {
      Outcome found = first;
      for (int part = 1; part < objectives.size() && found.end() == null; part++) {
        found = objectives.get(part).step(sweep, batch, lr);
      }
      return found;
    }

    /** The data ended within the step. */
    private Outcome partialStep(double lr) {
      Outcome found = sweep.finish(lr, 0);
      for (int part = 1; part < objectives.size() && found.end() == null; part++) {
        found = sweep.finish(lr, part);
      }
      return found;
    }

    @Override
    public Outcome settle() {
      return sweep.settle();
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
    public Outcome step(double lr, BooleanSupplier interrupted) {
      double loss = function.step(lr);
      if (!Double.isFinite(loss)) {
        return Outcome.NON_FINITE;
      }
      return tracker.add(loss) ? Outcome.DIVERGED : Outcome.CONTINUE;
    }

    @Override
    public Outcome settle() {
      return Outcome.PENDING; // there is none
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

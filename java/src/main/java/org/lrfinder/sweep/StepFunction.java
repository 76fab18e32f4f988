package org.lrfinder.sweep;

import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;

/**
 * A training step that the caller computes in any way: nothing of libtorch is needed. The finder
 * asks for {@link #save} before the first step and, whatever happens, for {@link #restore} after
 * the last. If {@code save} throws, that reaches the caller and nothing else is called; if {@code
 * restore} throws, the caller gets a {@link org.lrfinder.engine.RestoreException}. All are called
 * on the thread of the sweep.
 */
public interface StepFunction {
  /**
   * Does one optimizer step.
   *
   * @param lr the learning rate of its update
   * @return the loss before the update
   */
  double step(double lr);

  /**
   * Measures the loss on validation data, after each step's update. Overridden for a validation
   * curve; where it is empty after one step, it has to be so after every one.
   *
   * @return empty unless overridden
   */
  default OptionalDouble validationLoss() {
    return OptionalDouble.empty();
  }

  /**
   * Remembers the model, so that {@link #restore} can bring it back. Does nothing unless
   * overridden.
   */
  default void save() {}

  /** Brings back the model that {@link #save} remembered. Does nothing unless overridden. */
  default void restore() {}

  /**
   * Says whether {@link #restore} brings the model back. Where it does not, the result of several
   * sweeps warns that each went on where the one before had ended.
   *
   * @return true unless overridden; false for what {@link #of(DoubleUnaryOperator)} creates
   */
  default boolean restores() {
    return true;
  }

  /**
   * Creates a step function that restores nothing. If a finder sweeps it several times, each sweep
   * goes on where the one before ended, and the result warns of that.
   *
   * @param step does one step at a rate and returns the loss before the update
   * @return the step function
   */
  static StepFunction of(DoubleUnaryOperator step) {
    Objects.requireNonNull(step, "step");
    return new StepFunction() {
      @Override
      public double step(double lr) {
        return step.applyAsDouble(lr);
      }

      @Override
      public boolean restores() {
        return false;
      }
    };
  }

  /**
   * Creates a step function.
   *
   * @param step does one step at a rate and returns the loss before the update
   * @param save remembers the model
   * @param restore brings the remembered model back
   * @return the step function
   */
  static StepFunction of(DoubleUnaryOperator step, Runnable save, Runnable restore) {
    Objects.requireNonNull(step, "step");
    Objects.requireNonNull(save, "save");
    Objects.requireNonNull(restore, "restore");
    return new StepFunction() {
      @Override
      public double step(double lr) {
        return step.applyAsDouble(lr);
      }

      @Override
      public void save() {
        save.run();
      }

      @Override
      public void restore() {
        restore.run();
      }
    };
  }
}

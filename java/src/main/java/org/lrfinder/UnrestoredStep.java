package org.lrfinder;

import java.util.List;
import java.util.function.DoubleUnaryOperator;

/** A step function that is known to restore nothing. */
record UnrestoredStep(DoubleUnaryOperator function) implements StepFunction {
  private static final String WARNING =
      "the step function restores nothing, so that each sweep went on where the one before had ended: give save and restore to StepFunction.of";

  @Override
  public double step(double lr) {
    return function.applyAsDouble(lr);
  }

  /** Warns where there was more than one sweep. */
  static LrFinderResult warned(LrFinderResult result) {
    return result.attempts().isEmpty() && result.repeats().isEmpty()
        ? result
        : result.with(result.attempts(), result.repeats(), List.of(WARNING));
  }
}

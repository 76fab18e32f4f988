package org.lrfinder.sweep;

import java.util.function.DoubleUnaryOperator;

/** A step function that is known to restore nothing. */
record UnrestoredStep(DoubleUnaryOperator function) implements StepFunction {
  @Override
  public double step(double lr) {
    return function.applyAsDouble(lr);
  }

  @Override
  public boolean restores() {
    return false;
  }
}

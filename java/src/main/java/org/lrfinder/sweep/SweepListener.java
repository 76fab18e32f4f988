package org.lrfinder.sweep;

/**
 * Hears of each recorded step, on the thread of the sweep. What it throws ends the sweep, restores
 * the model and reaches the caller unchanged.
 */
@FunctionalInterface
public interface SweepListener {
  /**
   * Called after a step.
   *
   * @param step what was recorded
   */
  void onStep(SweepStep step);
}

package org.lrfinder.sweep;

/**
 * Hears of each recorded step, in their order, on the thread of the sweep. What it throws ends the
 * sweep, restores the model and reaches the caller unchanged.
 *
 * <p>On the CPU, with validation batches and by the portable engine, it hears of a step before the
 * next one begins. Otherwise, on a device, the sweep does not wait for losses: it hears of a step
 * up to four steps late, and of the last ones when the sweep ends. Steps after one that diverged or
 * whose loss was not finite may have begun by then; nothing of them is recorded.
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

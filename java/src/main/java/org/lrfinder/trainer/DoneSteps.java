package org.lrfinder.trainer;

import java.util.ArrayDeque;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleSupplier;
import org.lrfinder.internal.engine.Outcome;

/**
 * The steps that a training has done, on their way to whoever is told of them: on a device a step's
 * loss becomes known some steps late. Each is counted when it is done, its loss when it is known,
 * and told with that loss once, in order. Closing waits for the losses, and tells nobody.
 */
final class DoneSteps implements AutoCloseable {
  /** Is told of a step. */
  interface Told {
    /**
     * Takes a step.
     *
     * @param step that many were done with it, since the training began
     * @param batches that many micro-batches of the epoch were drawn with it
     */
    void step(long step, long batches, double lr, double loss);
  }

  /** Changed and used again, so that a step makes no object. */
  private static final class Step {
    long step;
    long batches;
    double lr;
    double loss;
  }

  private final TrainingProgress progress;
  private final BooleanSupplier settle;
  private final DoubleSupplier loss;
  private final ArrayDeque<Step> unknown = new ArrayDeque<>();
  private final ArrayDeque<Step> untold = new ArrayDeque<>();
  private final ArrayDeque<Step> free = new ArrayDeque<>();

  /**
   * Starts without steps.
   *
   * @param progress counts them
   * @param settle waits for the oldest step's loss; returns whether there was one to wait for
   * @param loss the one that became known last
   */
  DoneSteps(TrainingProgress progress, BooleanSupplier settle, DoubleSupplier loss) {
    this.progress = progress;
    this.settle = settle;
    this.loss = loss;
  }

  /**
   * Counts a step.
   *
   * @param microBatches drawn for it
   * @param found whether a loss became known with it
   */
  void done(Outcome found, int microBatches, double lr) {
    progress.nextStep(microBatches);
    Step step = free.isEmpty() ? new Step() : free.remove();
    step.step = progress.step();
    step.batches = progress.batches();
    step.lr = lr;
    unknown.add(step);
    if (found == Outcome.CONTINUE) {
      known();
    }
  }

  private void known() {
    Step step = unknown.remove();
    step.loss = loss.getAsDouble();
    progress.lossKnown(step.loss);
    untold.add(step);
  }

  /** Waits for every loss. */
  void settle() {
    while (!unknown.isEmpty() && settle.getAsBoolean()) {
      known();
    }
  }

  /** Tells of the steps whose losses are known. */
  void tell(Told told) {
    for (Step step = untold.poll(); step != null; step = untold.poll()) {
      told.step(step.step, step.batches, step.lr, step.loss);
      free.add(step);
    }
  }

  @Override
  public void close() {
    settle();
  }
}

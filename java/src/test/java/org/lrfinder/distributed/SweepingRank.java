package org.lrfinder.distributed;

import java.util.concurrent.atomic.AtomicInteger;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Curve;
import org.lrfinder.testkit.ModelState;

/**
 * Sweeps as one of several processes, as its arguments say, and prints what it found: a loss a
 * line, as {@link Double#toHexString} writes it.
 */
final class SweepingRank {
  private SweepingRank() {}

  /** Prints, and looks whether anything was left behind. */
  public static void main(String[] arguments) {
    try (Distributed group = Distributed.fromEnvironment()) {
      SharedTask task = new SharedTask();
      ModelState before = ModelState.of(task.network, task.optimizer);
      try {
        print(task.sweep(finder(arguments[0], group), arguments[0], group));
      } catch (RuntimeException e) {
        System.out.println("error " + e.getClass().getSimpleName() + ": " + e.getMessage());
      }
      System.out.println(
          "differences " + before.differencesTo(ModelState.of(task.network, task.optimizer)));
    }
  }

  private static LrFinder.Builder finder(String what, Distributed group) {
    LrFinder.Builder finder = SharedTask.finder();
    if (what.contains("accumulating")) {
      finder.accumulateGradBatches(2);
    }
    if (what.contains("clipped")) {
      finder.gradientClipNorm(0.5);
    }
    boolean second = group.rank() == 1;
    if (what.contains("other-range") && second) {
      finder.maxLr(5);
    }
    if (what.contains("cancelled")) {
      AtomicInteger asked = new AtomicInteger();
      finder.cancelIf(() -> second && asked.incrementAndGet() > 5);
    }
    if (what.contains("throwing") && second) {
      finder.listener(
          step -> {
            if (step.index() == 4) {
              throw new IllegalStateException("no more");
            }
          });
    }
    if (what.contains("last-throws") && second) {
      finder.listener(
          step -> {
            if (step.index() == SharedTask.STEPS - 1) {
              throw new IllegalStateException("at last");
            }
          });
    }
    if (what.contains("once")) {
      finder.cycleData(false);
    }
    if (what.contains("portable") && second) {
      finder.engine(EngineChoice.PORTABLE);
    }
    return finder;
  }

  static void print(LrFinderResult found) {
    Curve curve = found.results();
    for (int i = 0; i < curve.size(); i++) {
      System.out.println("loss " + Double.toHexString(curve.loss(i)));
    }
    for (double loss : curve.validationLosses()) {
      System.out.println("validation " + Double.toHexString(loss));
    }
    System.out.println("end " + found.endReason());
  }
}

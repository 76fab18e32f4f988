package org.lrfinder;

import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepListener;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.sweep.SweepStep;

/** Walks through the rates, records what each step says, and knows when to end. */
final class SweepLoop {
  /** What a walk recorded. */
  record Recorded(Curve curve, EndReason endReason) {}

  private final SweepSettings settings;
  private final SweepListener listener;
  private final BooleanSupplier cancelled;

  SweepLoop(SweepSettings settings, SweepListener listener, BooleanSupplier cancelled) {
    this.settings = settings;
    this.listener = listener;
    this.cancelled = cancelled;
  }

  Recorded run(Stepper stepper) {
    int steps = settings.steps();
    double[] rates = new double[steps];
    double[] losses = new double[steps];
    double[] smoothed = new double[steps];
    int recorded = 0;
    EndReason end = null;
    while (end == null && recorded < steps) {
      if (Thread.currentThread().isInterrupted() || cancelled.getAsBoolean()) {
        end = EndReason.CANCELLED;
        break;
      }
      double lr = settings.rate(recorded);
      end = stepper.step(lr);
      if (end != null && end != EndReason.DIVERGED) {
        break;
      }
      rates[recorded] = lr;
      losses[recorded] = stepper.lastLoss();
      smoothed[recorded] = stepper.smoothedLoss();
      listener.onStep(
          new SweepStep(
              recorded, steps, lr, losses[recorded], smoothed[recorded], stepper.bestLoss()));
      recorded++;
    }
    Curve curve =
        new Curve(
            Arrays.copyOf(rates, recorded),
            Arrays.copyOf(losses, recorded),
            Arrays.copyOf(smoothed, recorded));
    return new Recorded(curve, orCompleted(end));
  }

  private static EndReason orCompleted(@Nullable EndReason end) {
    return end == null ? EndReason.COMPLETED : end;
  }
}

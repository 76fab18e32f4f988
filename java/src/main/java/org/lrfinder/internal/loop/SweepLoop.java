package org.lrfinder.internal.loop;

import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.RunningLoss;
import org.lrfinder.sweep.SweepListener;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.sweep.SweepStep;

/** Walks through the rates, records what each step says, and knows when to end. */
public record SweepLoop(
    SweepSettings settings,
    @Nullable SweepListener listener,
    BooleanSupplier cancelled,
    Deadline deadline) {
  /** What a walk recorded. */
  public record Recorded(Curve curve, EndReason endReason) {}

  private static final int INITIAL_CAPACITY = 1024;

  public Recorded run(Stepper stepper) {
    int steps = settings.steps();
    // Grown as needed: most sweeps of many steps stop early.
    double[] rates = new double[Math.min(steps, INITIAL_CAPACITY)];
    double[] losses = new double[rates.length];
    double[] smoothed = new double[rates.length];
    double[] validation = new double[rates.length];
    boolean validated = false;
    int recorded = 0;
    Supplier<@Nullable EndReason> interruption = this::interruption;
    RunningLoss running = stepper.runningLoss();
    EndReason end = null;
    while (end == null && recorded < steps) {
      end = interruption();
      if (end != null) {
        break;
      }
      double lr = settings.rate(recorded);
      end = stepper.step(lr, interruption);
      if (end != null && end != EndReason.DIVERGED) {
        break;
      }
      if (recorded == rates.length) {
        int capacity = (int) Math.min(steps, 2L * recorded);
        rates = Arrays.copyOf(rates, capacity);
        losses = Arrays.copyOf(losses, capacity);
        smoothed = Arrays.copyOf(smoothed, capacity);
        validation = Arrays.copyOf(validation, capacity);
      }
      rates[recorded] = lr;
      losses[recorded] = running.last();
      smoothed[recorded] = running.smoothed();
      Double validationLoss = stepper.validationLoss();
      if (validationLoss != null) {
        validated = true;
        validation[recorded] = validationLoss;
      }
      if (listener != null) {
        listener.onStep(
            new SweepStep(
                recorded, steps, lr, losses[recorded], smoothed[recorded], running.best()));
      }
      recorded++;
    }
    Curve curve =
        new Curve(
            Arrays.copyOf(rates, recorded),
            Arrays.copyOf(losses, recorded),
            Arrays.copyOf(smoothed, recorded),
            Arrays.copyOf(validation, validated ? recorded : 0));
    return new Recorded(curve, end == null ? EndReason.COMPLETED : end);
  }

  private @Nullable EndReason interruption() {
    if (Thread.currentThread().isInterrupted() || cancelled.getAsBoolean()) {
      return EndReason.CANCELLED;
    }
    return deadline.isOver() ? EndReason.TIME_LIMIT : null;
  }
}

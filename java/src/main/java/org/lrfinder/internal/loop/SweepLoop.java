package org.lrfinder.internal.loop;

import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.Outcome;
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

  /**
   * Walks. Steps whose losses become known late are recorded late, with their own rates, and those
   * begun after the one that ends the sweep are dropped: what is recorded is what it would be if
   * each loss were known at once.
   *
   * @param flight hears of each step
   */
  public Recorded run(Stepper stepper, FlightLog flight) {
    return new Walk(stepper, flight).run();
  }

  /** One walk. */
  private final class Walk {
    private final Stepper stepper;
    private final FlightLog flight;
    private final RunningLoss running;
    private int begun;
    private int recorded;
    private @Nullable EndReason end;

    // Grown as needed: most sweeps of many steps stop early.
    private double[] rates = new double[Math.min(settings.steps(), INITIAL_CAPACITY)];
    private double[] losses = new double[rates.length];
    private double[] smoothed = new double[rates.length];
    private double[] validation = new double[rates.length];
    private boolean validated;

    Walk(Stepper stepper, FlightLog flight) {
      this.stepper = stepper;
      this.flight = flight;
      this.running = stepper.runningLoss();
    }

    Recorded run() {
      BooleanSupplier interrupted = () -> interruption() != null;
      while (goesOn()) {
        double lr = settings.rate(begun);
        flight.beginStep();
        Outcome found = stepper.step(lr, interrupted);
        if (found != null && found != Outcome.NO_DATA) {
          begun++;
          hear(found);
          flight.endStep(begun, lr, recorded == begun ? losses[recorded - 1] : Double.NaN);
        } else {
          EndReason interruption = interruption();
          end = interruption == null ? EndReason.DATA_EXHAUSTED : interruption;
        }
      }
      settle();
      Curve curve =
          new Curve(
              Arrays.copyOf(rates, recorded),
              Arrays.copyOf(losses, recorded),
              Arrays.copyOf(smoothed, recorded),
              Arrays.copyOf(validation, validated ? recorded : 0));
      return new Recorded(curve, end == null ? EndReason.COMPLETED : end);
    }

    /** One of several processes ends with the others, a step later. */
    private boolean goesOn() {
      if (end == null && begun < settings.steps()) {
        EndReason interruption = interruption();
        if (interruption != null && !stepper.ends(interruption)) {
          end = interruption;
        }
      }
      return end == null && begun < settings.steps();
    }

    /** Whatever the end was, a step that was begun before it may be one. */
    private void settle() {
      boolean byLoss = end == EndReason.DIVERGED || end == EndReason.NON_FINITE;
      while (!byLoss && recorded < begun) {
        Outcome found = stepper.settle();
        hear(found);
        byLoss = found.end() != null;
      }
    }

    private void hear(Outcome found) {
      if (found.isRecorded()) {
        record();
      }
      if (found.end() != null) {
        end = found.end();
      }
    }

    private void record() {
      int steps = settings.steps();
      if (recorded == rates.length) {
        int capacity = (int) Math.min(steps, 2L * recorded);
        rates = Arrays.copyOf(rates, capacity);
        losses = Arrays.copyOf(losses, capacity);
        smoothed = Arrays.copyOf(smoothed, capacity);
        validation = Arrays.copyOf(validation, capacity);
      }
      double lr = settings.rate(recorded);
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

    private @Nullable EndReason interruption() {
      if (Thread.currentThread().isInterrupted() || cancelled.getAsBoolean()) {
        return EndReason.CANCELLED;
      }
      return deadline.isOver() ? EndReason.TIME_LIMIT : null;
    }
  }
}

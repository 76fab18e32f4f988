package org.lrfinder.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.lrfinder.internal.engine.Outcome;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.RunningLoss;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.sweep.SweepStep;

/** A sweep whose losses become known late records what it would if they came at once. */
class SweepLoopTest {
  private static final int MOST_LATE = 4;
  private static final Duration NO_LIMIT = Duration.ofSeconds(Long.MAX_VALUE);

  /**
   * What happens in a sweep.
   *
   * @param losses of its steps
   * @param data steps that there are batches for
   * @param cancelledAt which question for it says that the sweep was cancelled
   * @param leftOut the step from which on every batch is left out
   */
  private record Script(double[] losses, int data, int cancelledAt, int leftOut) {
    /** Losses of one kind, and an end that may come before theirs or not. */
    static Script random(Random random, int steps) {
      double[] losses = new double[steps];
      double level = random.nextInt(3) - 1;
      int turn = random.nextInt(2 * steps);
      for (int i = 0; i < steps; i++) {
        losses[i] = level + random.nextGaussian() + (i > turn ? Math.exp(i - turn) : 0);
      }
      if (random.nextInt(3) == 0) {
        losses[random.nextInt(steps)] = random.nextBoolean() ? Double.NaN : -1 / 0.0;
      }
      int never = Integer.MAX_VALUE;
      int sometime = random.nextInt(steps);
      int kind = random.nextInt(4);
      return new Script(
          losses,
          kind == 1 ? sometime : never,
          kind == 2 || kind == 3 ? sometime : never,
          kind == 3 ? random.nextInt(steps) : never);
    }
  }

  /** Follows a script; its losses are known so many steps late at most. */
  private static final class Scripted implements Stepper {
    private final Script script;
    private final int late;
    private final Random random;
    private final LossTracker tracker;
    private final List<Double> rates = new ArrayList<>();
    private final @Nullable Deadline overAtTheEnd;
    private int known;
    private boolean over;

    Scripted(
        Script script, SweepSettings settings, int late, long seed, @Nullable Deadline deadline) {
      this.script = script;
      this.late = late;
      this.random = new Random(seed);
      this.tracker = LossTracker.of(settings);
      this.overAtTheEnd = deadline;
    }

    @Override
    public @Nullable Outcome step(double lr, BooleanSupplier interrupted) {
      assertThat(over).as("a step after the end").isFalse();
      if (rates.size() == script.data) {
        return null;
      }
      if (rates.size() >= script.leftOut) {
        while (!interrupted.getAsBoolean()) {
          Thread.onSpinWait();
        }
        return null;
      }
      rates.add(lr);
      while (overAtTheEnd != null
          && rates.size() == script.losses.length
          && !overAtTheEnd.isOver()) {
        Thread.onSpinWait();
      }
      boolean mustWait = rates.size() - known > late;
      return mustWait || late > 0 && random.nextBoolean() ? next() : Outcome.PENDING;
    }

    private Outcome next() {
      double loss = script.losses[known++];
      over = !Double.isFinite(loss) || tracker.add(loss);
      return !Double.isFinite(loss)
          ? Outcome.NON_FINITE
          : over ? Outcome.DIVERGED : Outcome.CONTINUE;
    }

    @Override
    public Outcome settle() {
      assertThat(over).as("settled after the end").isFalse();
      return known == rates.size() ? Outcome.PENDING : next();
    }

    @Override
    public RunningLoss runningLoss() {
      return tracker;
    }

    @Override
    public @Nullable Double validationLoss() {
      return null;
    }
  }

  private record Heard(SweepLoop.Recorded recorded, List<SweepStep> steps, List<Double> rates) {}

  private static Heard sweep(
      SweepSettings settings, Script script, int late, long seed, boolean timeLimit) {
    List<SweepStep> steps = new ArrayList<>();
    int[] asked = {0};
    Deadline deadline = Deadline.after(timeLimit ? Duration.ofMillis(200) : NO_LIMIT);
    Scripted stepper = new Scripted(script, settings, late, seed, timeLimit ? deadline : null);
    SweepLoop.Recorded recorded =
        new SweepLoop(settings, steps::add, () -> asked[0]++ >= script.cancelledAt, deadline)
            .run(stepper, FlightLog.begin());
    return new Heard(recorded, steps, stepper.rates);
  }

  private static void assertSame(Heard late, Heard immediate) {
    assertThat(late.recorded).isEqualTo(immediate.recorded);
    assertThat(late.steps).isEqualTo(immediate.steps);
    int begun = immediate.rates.size();
    assertThat(late.rates).hasSizeBetween(begun, begun + MOST_LATE).startsWith(rates(immediate));
  }

  private static Double[] rates(Heard heard) {
    return heard.rates.toArray(Double[]::new);
  }

  @Test
  void whateverEndsItALateSweepRecordsAndTellsWhatAnImmediateOneDoes() {
    Random random = new Random(1);
    Set<EndReason> ends = EnumSet.noneOf(EndReason.class);
    for (int i = 0; i < 2000; i++) {
      SweepSettings settings =
          SweepSettings.builder()
              .steps(3 + random.nextInt(60))
              .smoothingBeta(new double[] {0, 0.5, 0.98}[random.nextInt(3)])
              .build();
      Script script = Script.random(random, settings.steps());
      Heard immediate = sweep(settings, script, 0, i, false);
      ends.add(immediate.recorded.endReason());
      for (int late = 1; late <= MOST_LATE; late++) {
        assertSame(sweep(settings, script, late, i, false), immediate);
      }
    }
    assertThat(ends)
        .containsExactlyInAnyOrder(
            EndReason.COMPLETED,
            EndReason.DIVERGED,
            EndReason.NON_FINITE,
            EndReason.DATA_EXHAUSTED,
            EndReason.CANCELLED);
  }

  /** The limit is over with the last loss of the script. */
  @Test
  void stepsBegunBeforeTheTimeLimitAreRecorded() {
    SweepSettings settings = SweepSettings.builder().steps(20).build();
    double[] falling = {9, 8, 7, 6, 5, 4, 3};
    double[] rising = {1, 1, 1, 1, 1, 1, 1e6};
    for (double[] losses : new double[][] {falling, rising}) {
      Script script = new Script(losses, Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE);
      Heard immediate = sweep(settings, script, 0, 1, true);
      Heard late = sweep(settings, script, MOST_LATE, 1, true);
      assertSame(late, immediate);
      assertThat(late.recorded.curve().losses()).isEqualTo(losses);
      assertThat(late.recorded.endReason())
          .isEqualTo(losses == rising ? EndReason.DIVERGED : EndReason.TIME_LIMIT);
    }
  }

  @Test
  void aStepThatIsRecordedLateHasItsOwnRate() {
    SweepSettings settings = SweepSettings.builder().steps(10).build();
    double[] losses = new double[10];
    Arrays.setAll(losses, i -> 10 - i);
    Script script = new Script(losses, Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE);
    Heard late = sweep(settings, script, MOST_LATE, 3, false);
    for (int i = 0; i < 10; i++) {
      assertThat(late.steps.get(i).lr()).isEqualTo(settings.rate(i));
      assertThat(late.steps.get(i).loss()).isEqualTo(10 - i);
    }
  }
}

package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.lrfinder.internal.engine.Outcome;

/** Steps whose losses become known late are told as if they came at once, but for the time. */
class DoneStepsTest {
  private record Told(long step, long batches, double lr, double loss) {}

  /** A training of random losses, each known so many steps late at most. */
  private static final class Scripted {
    final TrainingProgress progress = new TrainingProgress();
    final List<Told> told = new ArrayList<>();
    final DoneSteps steps = new DoneSteps(progress, this::settle, () -> this.loss);
    private final List<Double> losses = new ArrayList<>();
    private final Random values = new Random(1);
    private final Random random;
    private final int late;
    private int known;
    private double loss;

    Scripted(int late, long seed) {
      this.late = late;
      this.random = new Random(seed);
    }

    void step() {
      losses.add(values.nextInt(10) == 0 ? Double.NaN : values.nextGaussian());
      boolean comes = losses.size() - known > late || late > 0 && random.nextBoolean();
      if (comes) {
        loss = losses.get(known++);
      }
      steps.done(
          comes ? Outcome.CONTINUE : Outcome.PENDING, 1 + losses.size() % 3, 1.0 / losses.size());
    }

    private boolean settle() {
      boolean waiting = known < losses.size();
      if (waiting) {
        loss = losses.get(known++);
      }
      return waiting;
    }

    void tell() {
      steps.tell((step, batches, lr, loss) -> told.add(new Told(step, batches, lr, loss)));
    }
  }

  /** To the bit; not-a-number is one. */
  private static void assertSame(Scripted actual, Scripted expected) {
    assertThat(actual.progress)
        .usingRecursiveComparison()
        .withEqualsForType(Double::equals, Double.class)
        .isEqualTo(expected.progress);
  }

  @Test
  void eachIsToldOnceInOrderWithItsOwnRateBatchesAndLoss() {
    for (int seed = 0; seed < 200; seed++) {
      for (int late = 1; late <= 4; late++) {
        Scripted immediate = new Scripted(0, seed);
        Scripted delayed = new Scripted(late, seed);
        for (int i = 0; i < 30; i++) {
          immediate.step();
          immediate.tell();
          delayed.step();
          delayed.tell();
          assertThat(immediate.told).hasSize(i + 1).startsWith(delayed.told.toArray(Told[]::new));
          assertThat(delayed.told).hasSizeGreaterThanOrEqualTo(i + 1 - late);
        }
        delayed.steps.settle();
        delayed.tell();
        assertThat(delayed.told).isEqualTo(immediate.told);
        assertSame(delayed, immediate);
      }
    }
  }

  /** As a listener does that saves a checkpoint. */
  @Test
  void settledWhileOneIsToldTheOthersAreCountedAtOnceAndToldAfterIt() {
    Scripted immediate = new Scripted(0, 1);
    Scripted delayed = new Scripted(4, 1);
    for (int i = 0; i < 5; i++) {
      immediate.step();
      delayed.step();
    }
    immediate.tell();
    List<Long> order = new ArrayList<>();
    delayed.steps.tell(
        (step, batches, lr, loss) -> {
          delayed.steps.settle();
          assertSame(delayed, immediate);
          order.add(step);
        });
    assertThat(order).containsExactly(1L, 2L, 3L, 4L, 5L);
  }

  @Test
  void closedItHasCountedEveryLossAndToldNobody() {
    Scripted immediate = new Scripted(0, 2);
    Scripted delayed = new Scripted(4, 2);
    for (int i = 0; i < 3; i++) {
      immediate.step();
      delayed.step();
    }
    delayed.steps.close();
    assertSame(delayed, immediate);
    assertThat(delayed.told).isEmpty();
  }
}

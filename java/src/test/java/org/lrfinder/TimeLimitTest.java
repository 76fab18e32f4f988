package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Sweeps that have a limited time. */
class TimeLimitTest {
  private final List<Batch> batches = Models.batches(5, ScalarType.Float);

  @OnEachEngine
  void aSweepEndsWhenItsTimeIsUsedUp(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    ModelState before = ModelState.of(network, optimizer);
    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .maxDuration(Duration.ofMillis(500))
            .listener(
                step -> {
                  if (step.index() == 4) {
                    sleepPast(Duration.ofMillis(600));
                  }
                })
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches);
    assertThat(found.endReason()).isEqualTo(EndReason.TIME_LIMIT);
    assertThat(found.results().size()).isBetween(1, 5); // fewer on a machine that stalls
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @Test
  void timeThatIsUsedUpBeforeTheFirstStepLeavesNoPoint() {
    LrFinderResult found =
        LrFinder.builder()
            .maxDuration(Duration.ofNanos(1))
            .build()
            .find(
                StepFunction.of(
                    lr -> {
                      throw new AssertionError("a step began");
                    }));
    assertThat(found.endReason()).isEqualTo(EndReason.TIME_LIMIT);
    assertThat(found.results().size()).isZero();
    assertThat(found.status()).isEqualTo(Status.TOO_FEW_POINTS);
  }

  @Test
  void timeThatIsNotUsedUpChangesNothing() {
    for (Duration enough : List.of(Duration.ofDays(1), Duration.ofSeconds(Long.MAX_VALUE))) {
      LrFinderResult found =
          LrFinder.builder().maxDuration(enough).steps(5).build().find(StepFunction.of(lr -> 1));
      assertThat(found.endReason()).isEqualTo(EndReason.COMPLETED);
    }
  }

  private static void sleepPast(Duration duration) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < duration.toNanos()) {
      Thread.onSpinWait();
    }
  }
}

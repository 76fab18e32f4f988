package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** A loss that is null leaves its batch out, as Lightning's None does. */
class LeftOutBatchTest {
  private static final long ENDLESS = 100_000_000;

  private final List<Batch> used = Models.batches(5, ScalarType.Double);
  private final Batch unused = Models.batches(1, ScalarType.Double).get(0);
  private final SequentialImpl network = Models.inDouble(Models.mlp());
  private final Optimizer optimizer = OptimizerSpec.ADAM.over(network);

  private long leftOut;

  private Tensor loss(Batch batch) {
    if (batch == unused) {
      if (++leftOut == ENDLESS) {
        throw new AssertionError("nothing ended the sweep");
      }
      return null;
    }
    return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
  }

  /** The used batches, some of them after one that is not. */
  private List<Batch> mixed() {
    List<Batch> mixed = new ArrayList<>();
    for (int i = 0; i < used.size(); i++) {
      if (i % 2 == 0) {
        mixed.add(unused);
      }
      mixed.add(used.get(i));
    }
    mixed.add(unused);
    return mixed;
  }

  private static LrFinder.Builder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).minLr(1e-4).maxLr(0.1).steps(17).threads(1);
  }

  @OnEachEngine
  void theSweepIsThatOfTheOtherBatches(EngineChoice engine) {
    ModelState before = ModelState.of(network, optimizer);
    for (int microBatches : new int[] {1, 2, 3}) {
      LrFinder finder = finder(engine).accumulateGradBatches(microBatches).build();
      double[] expected =
          finder.find(SweepTask.of(network, optimizer, this::loss, used)).results().losses();

      LrFinderResult found = finder.find(SweepTask.of(network, optimizer, this::loss, mixed()));

      assertThat(found.endReason()).isEqualTo(EndReason.COMPLETED);
      assertThat(found.results().losses()).hasSize(17).isEqualTo(expected);
    }
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @OnEachEngine
  void whereTheDataEndTheLastStepHasTheMicroBatchesThatCount(EngineChoice engine) {
    for (int microBatches : new int[] {1, 2, 3}) {
      LrFinder finder = finder(engine).cycleData(false).accumulateGradBatches(microBatches).build();
      double[] expected =
          finder.find(SweepTask.of(network, optimizer, this::loss, used)).results().losses();

      LrFinderResult found = finder.find(SweepTask.of(network, optimizer, this::loss, mixed()));

      assertThat(found.endReason()).isEqualTo(EndReason.DATA_EXHAUSTED);
      assertThat(found.results().losses()).isNotEmpty().isEqualTo(expected);
    }
  }

  @OnEachEngine
  void aWalkOfWhichEveryBatchIsLeftOutIsRefused(EngineChoice engine) {
    ModelState before = ModelState.of(network, optimizer);
    for (boolean cycle : new boolean[] {true, false}) {
      for (int microBatches : new int[] {1, 2}) {
        LrFinder finder =
            finder(engine).cycleData(cycle).accumulateGradBatches(microBatches).build();
        assertThatThrownBy(
                () ->
                    finder.find(
                        SweepTask.of(
                            network, optimizer, this::loss, List.of(unused, unused, unused))))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("no batch is used: the loss was null for all 3 batches of a walk");
      }
    }
    // A later walk: the first one brought batches.
    AtomicInteger losses = new AtomicInteger();
    LossFunction<Batch> untilTheFifth = batch -> losses.incrementAndGet() > 5 ? null : loss(batch);
    assertThatThrownBy(
            () ->
                finder(engine).build().find(SweepTask.of(network, optimizer, untilTheFifth, used)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no batch is used: the loss was null for all 5 batches of a walk");
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @OnEachEngine
  void anEndlessSourceOfBatchesThatAreLeftOutCanBeEnded(EngineChoice engine) {
    Iterable<Batch> endless =
        () -> Stream.concat(used.stream(), Stream.generate(() -> unused)).iterator();
    AtomicInteger asked = new AtomicInteger();
    for (int microBatches : new int[] {1, 3}) { // after all of 5 batches, and within a step
      LrFinder.Builder finder = finder(engine).accumulateGradBatches(microBatches);
      int steps = used.size() / microBatches;
      asked.set(0);

      LrFinderResult cancelled =
          finder
              .cancelIf(() -> asked.incrementAndGet() > 100)
              .build()
              .find(SweepTask.of(network, optimizer, this::loss, endless));
      finder.cancelIf(() -> false);
      LrFinderResult late =
          finder
              .maxDuration(Duration.ofMillis(300))
              .build()
              .find(SweepTask.of(network, optimizer, this::loss, endless));
      finder.maxDuration(Duration.ofDays(1));
      AtomicInteger losses = new AtomicInteger();
      LrFinderResult interrupted =
          finder
              .build()
              .find(
                  SweepTask.of(
                      network,
                      optimizer,
                      (Batch batch) -> {
                        if (losses.incrementAndGet() == 50) {
                          Thread.currentThread().interrupt();
                        }
                        return loss(batch);
                      },
                      endless));

      assertThat(Thread.interrupted()).isTrue();
      assertThat(cancelled.endReason()).isEqualTo(EndReason.CANCELLED);
      assertThat(cancelled.results().size()).isEqualTo(steps);
      assertThat(late.endReason()).isEqualTo(EndReason.TIME_LIMIT);
      assertThat(interrupted.endReason()).isEqualTo(EndReason.CANCELLED);
      assertThat(losses).hasValue(50);
    }
  }

  @OnEachEngine
  void theFirstOfSeveralLossesLeavesABatchOutForAll(EngineChoice engine) {
    AtomicInteger second = new AtomicInteger();
    List<OptimizedLoss<Batch>> losses =
        List.of(
            OptimizedLoss.sweeping(network, optimizer, this::loss),
            OptimizedLoss.keeping(
                network,
                OptimizerSpec.SGD.over(network),
                batch -> {
                  assertThat(batch).isNotSameAs(unused);
                  second.incrementAndGet();
                  return loss(batch);
                }));
    for (int microBatches : new int[] {1, 2}) {
      LrFinder finder = finder(engine).accumulateGradBatches(microBatches).build();
      double[] expected = finder.find(SweepTask.of(losses, used)).results().losses();
      second.set(0);

      LrFinderResult found = finder.find(SweepTask.of(losses, mixed()));

      assertThat(found.results().losses()).hasSize(17).isEqualTo(expected);
      assertThat(second).hasValue(17 * microBatches);
    }
  }

  @OnEachEngine
  void aLaterLossThatLeavesABatchOutIsRefused(EngineChoice engine) {
    ModelState before = ModelState.of(network, optimizer);
    List<OptimizedLoss<Batch>> losses =
        List.of(
            OptimizedLoss.sweeping(network, optimizer, this::loss),
            OptimizedLoss.keeping(network, OptimizerSpec.SGD.over(network), batch -> null));
    for (int microBatches : new int[] {1, 2}) {
      LrFinder finder = finder(engine).accumulateGradBatches(microBatches).build();
      assertThatThrownBy(() -> finder.find(SweepTask.of(losses, used)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("loss 2 of a step is null: only the first loss can leave a batch out");
    }
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @OnEachEngine
  void aValidationBatchIsLeftOutOfTheMean(EngineChoice engine) {
    LrFinder finder = finder(engine).validationBatchCount(3).build();
    LrFinder ofTwo = finder(engine).validationBatchCount(2).build();
    ModelState before = ModelState.of(network, optimizer);

    double[] found = validationLosses(finder, List.of(used.get(0), unused, used.get(1)));

    assertThat(found)
        .hasSize(17)
        .isEqualTo(validationLosses(ofTwo, List.of(used.get(0), used.get(1))));
    assertThatThrownBy(() -> validationLosses(finder, List.of(unused, unused)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no validation batch is used: the loss was null for all 2 of them");
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  /** Validation batches are copies, so that this one is told by its rows. */
  private double[] validationLosses(LrFinder finder, List<Batch> held) {
    return finder
        .find(
            SweepTask.of(network, optimizer, this::loss, used)
                .validatedOn(
                    batch -> batch.input().equal(unused.input()) ? null : loss(batch), held))
        .results()
        .validationLosses();
  }

  @OnEachEngine
  void aSourceThatCanBeWalkedOnceEndsTheSweep(EngineChoice engine) {
    Iterator<Batch> once = mixed().iterator();

    LrFinderResult found =
        finder(engine).build().find(SweepTask.of(network, optimizer, this::loss, () -> once));

    assertThat(found.endReason()).isEqualTo(EndReason.DATA_EXHAUSTED);
    assertThat(found.results().size()).isEqualTo(5);
  }
}

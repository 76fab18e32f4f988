package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** A sweep's validation curve, and sweeps in bfloat16. */
class ValidationTest {
  private final List<Batch> batches = Models.batches(5, ScalarType.Float);
  private final List<Batch> held = Models.batches(6, ScalarType.Float);

  @OnEachEngine
  void theFirstBatchesAreMeasuredAfterEachUpdateInEvalMode(EngineChoice engine) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    List<Double> expected = new ArrayList<>();
    LrFinder finder =
        LrFinder.builder()
            .engine(engine)
            .minLr(1e-4)
            .maxLr(0.1)
            .steps(10)
            .validationBatchCount(2)
            .listener(step -> expected.add(meanLoss(network, held.subList(0, 2))))
            .build();
    ModelState before = ModelState.of(network, optimizer);

    LrFinderResult found = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches, held);

    assertThat(found.results().validationLosses())
        .hasSize(10)
        .containsExactly(
            expected.stream().mapToDouble(Double::doubleValue).toArray(), within(1e-6));
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  private static double meanLoss(SequentialImpl network, List<Batch> batches) {
    try (PointerScope scope = new PointerScope()) {
      GradMode.set_enabled(false);
      List<Boolean> modes = new ArrayList<>();
      for (long i = 0; i < network.modules().size(); i++) {
        modes.add(network.modules().get(i).is_training());
      }
      network.eval();
      double total = 0;
      for (Batch batch : batches) {
        total +=
            torch.cross_entropy_loss(network.forward(batch.input()), batch.target()).item_double();
      }
      for (int i = 0; i < modes.size(); i++) {
        network.modules().get(i).train(modes.get(i));
      }
      GradMode.set_enabled(true);
      return total / batches.size();
    }
  }

  @OnEachEngine
  void measuringChangesNothingOfTheTrainingCurve(EngineChoice engine) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.SGD_MOMENTUM_DAMPENING.over(network);
    LrFinder finder = LrFinder.builder().engine(engine).steps(20).threads(1).build();

    LrFinderResult without = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);
    LrFinderResult with = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches, held);
    LrFinderResult byCallback =
        finder.find(
            network,
            optimizer,
            batch -> loss(network, batch),
            batches,
            batch -> loss(network, batch),
            held);

    assertThat(without.results().validationLosses()).isEmpty();
    assertThat(with.results().losses()).isEqualTo(without.results().losses());
    assertThat(byCallback.results().validationLosses())
        .isEqualTo(with.results().validationLosses());
  }

  /** Indices stand for batches of any type that the library cannot copy. */
  @OnEachEngine
  void validationBatchesOfAnotherTypeAreWalkedAnewAfterEachUpdate(EngineChoice engine) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    LrFinder finder =
        LrFinder.builder().engine(engine).steps(20).validationBatchCount(3).threads(1).build();
    List<Integer> indices = IntStream.range(0, held.size()).boxed().toList();
    AtomicInteger open = new AtomicInteger();
    ModelState before = ModelState.of(network, optimizer);

    LrFinderResult found =
        finder.find(
            network,
            optimizer,
            batch -> loss(network, batch),
            batches,
            index -> loss(network, held.get(index)),
            () -> new Closing<>(indices.iterator(), open));

    assertThat(found.results().validationLosses())
        .hasSize(20)
        .isEqualTo(
            finder
                .find(network, optimizer, Loss.CROSS_ENTROPY, batches, held)
                .results()
                .validationLosses());
    assertThat(open).hasValue(0);
    before.assertUnchangedIn(ModelState.of(network, optimizer));
    Iterator<Integer> once = indices.subList(0, 1).iterator();
    assertThatThrownBy(
            () ->
                finder.find(
                    network,
                    optimizer,
                    batch -> loss(network, batch),
                    batches,
                    index -> loss(network, held.get(index)),
                    () -> once))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "there is no validation data left: a source of batches of this type is walked anew at"
                + " each step, and this one was empty the second time");
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  private static final class Closing<B> implements Iterator<B>, AutoCloseable {
    private final Iterator<B> iterator;
    private final AtomicInteger open;

    Closing(Iterator<B> iterator, AtomicInteger open) {
      this.iterator = iterator;
      this.open = open;
      open.incrementAndGet();
    }

    @Override
    public boolean hasNext() {
      return iterator.hasNext();
    }

    @Override
    public B next() {
      return iterator.next();
    }

    @Override
    public void close() {
      open.decrementAndGet();
    }
  }

  private static Tensor loss(SequentialImpl network, Batch batch) {
    return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
  }

  @OnEachEngine
  void noValidationDataIsRefusedAndLeavesTheModelAlone(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = OptimizerSpec.SGD.over(network);
    ModelState before = ModelState.of(network, optimizer);
    LrFinder finder = LrFinder.builder().engine(engine).build();

    assertThatThrownBy(
            () -> finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches, List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("there is no data: the batches are empty");

    before.assertUnchangedIn(ModelState.of(network, optimizer));
    assertThatThrownBy(() -> LrFinder.builder().validationBatchCount(0).build())
        .hasMessage("validationBatchCount is 0, but must be at least 1");
  }

  @OnEachEngine
  void bfloat16IsCloseToFloat32ButNotEqual(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    LrFinder.Builder finder = LrFinder.builder().engine(engine).minLr(1e-5).maxLr(1e-2).steps(20);
    double[] full =
        finder.build().find(network, optimizer, Loss.CROSS_ENTROPY, batches).results().losses();
    finder.precision(Precision.BFLOAT16);
    double[] half =
        finder.build().find(network, optimizer, Loss.CROSS_ENTROPY, batches).results().losses();
    double[] byCallback =
        finder
            .build()
            .find(network, optimizer, batch -> loss(network, batch), batches)
            .results()
            .losses();

    assertThat(half).hasSize(20).containsExactly(full, within(0.02)).isNotEqualTo(full);
    assertThat(byCallback).containsExactly(half, within(1e-6));
    assertThat(torch.is_autocast_enabled(torch.DeviceType.CPU)).isFalse();
  }
}

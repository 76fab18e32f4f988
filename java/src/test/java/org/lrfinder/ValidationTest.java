package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.sweep.Precision;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.sweep.StepFunction;

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

    LrFinderResult found =
        finder.find(
            SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches).validatedOn(held));

    assertThat(found.results().validationLosses())
        .hasSize(10)
        .containsExactly(
            expected.stream().mapToDouble(Double::doubleValue).toArray(), within(1e-6));
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  private static double meanLoss(SequentialImpl network, List<Batch> batches) {
    return inEvalMode(
        () -> batches.stream().mapToDouble(b -> loss(network, b).item_double()).average(), network);
  }

  /** As a training loop does it. */
  private static double inEvalMode(Supplier<OptionalDouble> mean, SequentialImpl... networks) {
    try (PointerScope scope = new PointerScope()) {
      GradMode.set_enabled(false);
      Map<Module, Boolean> modes = new LinkedHashMap<>();
      for (SequentialImpl network : networks) {
        for (long i = 0; i < network.modules().size(); i++) {
          Module module = network.modules().get(i);
          modes.put(module, module.is_training());
        }
      }
      for (SequentialImpl network : networks) {
        network.eval();
      }
      double result = mean.get().orElseThrow();
      modes.forEach(Module::train);
      GradMode.set_enabled(true);
      return result;
    }
  }

  private static LrFinder.Builder tenSteps(EngineChoice engine) {
    return LrFinder.builder().engine(engine).threads(1).minLr(1e-4).maxLr(0.1).steps(10);
  }

  private static void assertValidation(LrFinderResult found, List<Double> expected) {
    assertThat(expected.stream().distinct()).as("the losses move").hasSize(10);
    assertThat(found.results().validationLosses())
        .containsExactly(
            expected.stream().mapToDouble(Double::doubleValue).toArray(), within(1e-6));
  }

  @OnEachEngine
  void aTorchScriptModuleIsMeasuredInEvalModeAndTrainsOnAsItWas(EngineChoice engine) {
    JitModule script = AnyModelTest.torchScript();
    Optimizer optimizer = OptimizerSpec.ADAM.over(AnyModelTest.parametersOf(script));
    List<Batch> data = Models.batches(5, ScalarType.Double);
    List<Batch> first = Models.batches(3, ScalarType.Double);
    List<Double> expected = new ArrayList<>();
    LrFinder finder =
        tenSteps(engine).listener(step -> expected.add(meanLoss(script, first))).build();
    ModelState before = AnyModelTest.stateOf(script, optimizer);
    SweepTask<Batch> byEngine = SweepTask.of(script, optimizer, Loss.CROSS_ENTROPY, data);
    SweepTask<Batch> inJava =
        SweepTask.of(script, optimizer, AnyModelTest.crossEntropy(script), data);

    for (SweepTask<Batch> task : List.of(byEngine, inJava)) {
      LrFinderResult without = finder.find(task);
      expected.clear();
      LrFinderResult with = finder.find(task.validatedOn(first));

      assertValidation(with, expected);
      assertThat(with.results().losses()).isEqualTo(without.results().losses());
      before.assertUnchangedIn(AnyModelTest.stateOf(script, optimizer));
    }
  }

  /** Of a copy, whose modes need not be put back. */
  private static double meanLoss(JitModule script, List<Batch> batches) {
    try (PointerScope scope = new PointerScope()) {
      GradMode.set_enabled(false);
      JitModule copy = script.deepcopy();
      copy.eval();
      LossFunction<Batch> loss = AnyModelTest.crossEntropy(copy);
      double mean =
          batches.stream().mapToDouble(b -> loss.loss(b).item_double()).average().orElseThrow();
      GradMode.set_enabled(true);
      return mean;
    }
  }

  /**
   * The first loss keeps its rates, so that it is not recorded; it leaves a batch out for all. The
   * second forwards two networks.
   */
  @OnEachEngine
  void ofSeveralLossesThoseRecordedAreSummedWithAllNetworksInEvalMode(EngineChoice engine) {
    SequentialImpl kept = Models.batchNormAndDropout();
    SequentialImpl second = Models.batchNormAndDropout();
    SequentialImpl third = Models.batchNormAndDropout();
    LossFunction<Integer> keptLoss = i -> i == 1 ? null : loss(kept, held.get(i));
    LossFunction<Integer> secondLoss =
        i -> loss(second, held.get(i)).add(loss(kept, held.get(i)).detach());
    LossFunction<Integer> thirdLoss = i -> loss(third, held.get(i));
    List<Double> expected = new ArrayList<>();
    List<Double> expectedOfThird = new ArrayList<>();
    LrFinder finder =
        tenSteps(engine)
            .listener(
                step -> {
                  expected.add(
                      inEvalMode(
                          () ->
                              IntStream.of(0, 2)
                                  .mapToDouble(
                                      i ->
                                          secondLoss.loss(i).item_double()
                                              + thirdLoss.loss(i).item_double())
                                  .average(),
                          kept,
                          second,
                          third));
                  expectedOfThird.add(meanLoss(third, held));
                })
            .validationBatchCount(6)
            .build();
    SweepTask<Integer> task =
        SweepTask.of(
            List.of(
                OptimizedLoss.keeping(kept, OptimizerSpec.ADAM.over(kept), keptLoss),
                OptimizedLoss.sweeping(second, OptimizerSpec.ADAM.over(second), secondLoss),
                OptimizedLoss.sweeping(third, OptimizerSpec.ADAM.over(third), thirdLoss)),
            List.of(3, 4, 5));
    List<SequentialImpl> networks = List.of(kept, second, third);
    List<ModelState> before =
        networks.stream().map(n -> ModelState.of(n, OptimizerSpec.SGD.over(n))).toList();

    LrFinderResult without = finder.find(task);
    expected.clear();
    LrFinderResult found = finder.find(task.validatedOn(List.of(0, 1, 2)));
    assertValidation(found, expected);
    assertThat(found.results().losses()).isEqualTo(without.results().losses());
    expectedOfThird.clear();
    LrFinderResult byOther = finder.find(task.validatedOn(batch -> loss(third, batch), held));
    assertValidation(byOther, expectedOfThird);

    for (int i = 0; i < networks.size(); i++) {
      SequentialImpl network = networks.get(i);
      before.get(i).assertUnchangedIn(ModelState.of(network, OptimizerSpec.SGD.over(network)));
    }
  }

  @OnEachEngine
  void anOptimizerWithoutANetworkIsMeasuredInTheModesThatAre(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    List<Double> expected = new ArrayList<>();
    List<Boolean> modes = new ArrayList<>();
    LrFinder finder =
        tenSteps(engine)
            .listener(step -> expected.add(meanLoss(network, held.subList(0, 4))))
            .build();
    ModelState before = ModelState.of(network, optimizer);
    SweepTask<Batch> task = SweepTask.of(optimizer, batch -> loss(network, batch), batches);

    LrFinderResult found =
        finder.find(
            task.validatedOn(
                batch -> {
                  modes.add(network.is_training() && !GradMode.is_enabled());
                  return loss(network, batch);
                },
                held));

    assertValidation(found, expected);
    assertThat(modes).hasSize(40).containsOnly(true);
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  /** Gradient descent on a square, validated on another. */
  private static class Square implements StepFunction {
    private double weight = 1;
    private double saved;
    private int steps;

    @Override
    public double step(double lr) {
      double loss = weight * weight;
      weight -= lr * 2 * weight;
      steps++;
      return loss;
    }

    @Override
    public OptionalDouble validationLoss() {
      return OptionalDouble.of(2 * weight * weight + steps);
    }

    @Override
    public void save() {
      saved = weight;
    }

    @Override
    public void restore() {
      weight = saved;
    }
  }

  @Test
  void aStepFunctionMeasuresItselfAfterEachStep() {
    LrFinder finder = tenSteps(EngineChoice.PORTABLE).build();
    LrFinderResult found = finder.find(new Square());

    double[] expected = new double[10];
    double weight = 1;
    for (int i = 0; i < 10; i++) {
      weight -= finder.settings().rate(i) * 2 * weight;
      expected[i] = 2 * weight * weight + i + 1;
    }
    assertThat(found.results().validationLosses()).containsExactly(expected, within(1e-12));
  }

  @Test
  void aStepFunctionThatMeasuresItselfNowAndThenIsRefusedAndSoAreBatchesForOne() {
    Square everySecond =
        new Square() {
          @Override
          public OptionalDouble validationLoss() {
            return super.steps % 2 == 1 ? super.validationLoss() : OptionalDouble.empty();
          }
        };
    assertThatThrownBy(() -> LrFinder.builder().build().find(everySecond))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "validationLoss() was empty after step 2, but not after those before: it must be so"
                + " after every step or after none");
    assertThat(everySecond.weight).as("restored").isEqualTo(1);
    SweepTask<Void> task = SweepTask.of(new Square());
    String message =
        "a step function is not validated on batches: override its validationLoss() instead";
    assertThatThrownBy(() -> task.validatedOn(List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> task.validatedOn(batch -> torch.ones(1), batches))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @OnEachEngine
  void measuringChangesNothingOfTheTrainingCurve(EngineChoice engine) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.SGD_MOMENTUM_DAMPENING.over(network);
    LrFinder finder = LrFinder.builder().engine(engine).steps(20).threads(1).build();

    LrFinderResult without = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);
    LrFinderResult with =
        finder.find(
            SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches).validatedOn(held));
    LrFinderResult byCallback =
        finder.find(
            SweepTask.of(network, optimizer, batch -> loss(network, batch), batches)
                .validatedOn(batch -> loss(network, batch), held));

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
            SweepTask.of(network, optimizer, batch -> loss(network, batch), batches)
                .validatedOn(
                    index -> loss(network, held.get(index)),
                    () -> new Closing<>(indices.iterator(), open)));

    assertThat(found.results().validationLosses())
        .hasSize(20)
        .isEqualTo(
            finder
                .find(
                    SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches).validatedOn(held))
                .results()
                .validationLosses());
    assertThat(open).hasValue(0);
    before.assertUnchangedIn(ModelState.of(network, optimizer));
    Iterator<Integer> once = indices.subList(0, 1).iterator();
    assertThatThrownBy(
            () ->
                finder.find(
                    SweepTask.of(network, optimizer, batch -> loss(network, batch), batches)
                        .validatedOn(index -> loss(network, held.get(index)), () -> once)))
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
            () ->
                finder.find(
                    SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches)
                        .validatedOn(List.of())))
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
            .find(SweepTask.of(network, optimizer, batch -> loss(network, batch), batches))
            .results()
            .losses();

    assertThat(half).hasSize(20).containsExactly(full, within(0.02)).isNotEqualTo(full);
    assertThat(byCallback).containsExactly(half, within(1e-6));
    assertThat(torch.is_autocast_enabled(torch.DeviceType.CPU)).isFalse();
  }
}

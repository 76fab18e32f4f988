package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;

/** Models whose batches are of a type of their own, and batches that a step leaves out. */
class TrainableModelTest extends TrainerFixture {
  /** Two inputs and what the network should make of their difference. */
  private record Pair(Tensor left, Tensor right, Tensor difference) {}

  private static List<Pair> pairs(long seed, int count) {
    torch.manual_seed(seed);
    Tensor map = torch.randn(Models.FEATURES, Models.CLASSES).to(ScalarType.Double);
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Tensor left = torch.randn(16, Models.FEATURES).to(ScalarType.Double);
      Tensor right = torch.randn(16, Models.FEATURES).to(ScalarType.Double);
      pairs.add(new Pair(left, right, left.sub(right).matmul(map)));
    }
    return pairs;
  }

  private static class Twins implements TrainableModel<Pair> {
    double lr = 1e-3;
    final SequentialImpl network;
    final List<Pair> train = pairs(1, 5);

    Twins() {
      torch.manual_seed(2);
      network = Models.inDouble(Models.batchNormAndDropout());
      torch.manual_seed(3);
    }

    @Override
    public Module module() {
      return network;
    }

    @Override
    public Optimizer configureOptimizers() {
      return Models.keep(new Adam(network.parameters(), new AdamOptions(lr)));
    }

    @Override
    public @Nullable Tensor trainingStep(Pair pair) {
      return torch.mse_loss(
          network.forward(pair.left()).sub(network.forward(pair.right())), pair.difference());
    }

    @Override
    public Iterable<Pair> trainBatches() {
      return train;
    }
  }

  @Override
  Trainer.Builder trainer(EngineChoice engine) {
    return super.trainer(engine).maxEpochs(3).logger(MetricsLogger.NONE);
  }

  @OnEachEngine
  void recordsAreTrainedAndValidatedAsInAPlainLoop(EngineChoice engine) {
    Twins trained = new Twins();
    Twins plain = new Twins();
    List<Pair> held = pairs(4, 2);
    torch.manual_seed(5);
    TrainingResult result = trainer(engine).build().fit(trained, List.of(), held);

    torch.manual_seed(5);
    Optimizer optimizer = plain.configureOptimizers();
    for (int epoch = 0; epoch < 3; epoch++) {
      for (Pair pair : plain.train) {
        optimizer.zero_grad();
        Objects.requireNonNull(plain.trainingStep(pair)).backward();
        optimizer.step();
      }
    }
    assertThat(result.steps()).isEqualTo(15);
    // Of the biases before the batch norm the gradients are rounding alone, which Adam enlarges.
    assertClose(trained.network, plain.network, 1e-8);
    plain.network.eval();
    assertThat(result.validationLoss().orElseThrow())
        .isCloseTo(
            held.stream()
                .mapToDouble(pair -> Objects.requireNonNull(plain.trainingStep(pair)).item_double())
                .average()
                .orElseThrow(),
            within(1e-9));
  }

  @OnEachEngine
  void aTrainingOfRecordsResumesWithinAnEpoch(EngineChoice engine) {
    Path file = folder.resolve("pairs.ckpt");
    Twins whole = new Twins();
    TrainingResult expected = trainer(engine).build().fit(whole);
    Trainer first = trainer(engine).maxSteps(7).build();
    first.fit(new Twins());
    first.saveCheckpoint(file);
    Twins resumed = new Twins();
    Trainer second = trainer(engine).build();
    second.restore(file);
    assertThat(second.fit(resumed)).isEqualTo(expected);
    assertClose(resumed.network, whole.network, 0);
  }

  @OnEachEngine
  void aRateIsFoundForRecordsWithAValidationCurve(EngineChoice engine) {
    Twins model = new Twins();
    List<Pair> held = pairs(4, 2);
    TrainingResult result =
        trainer(engine)
            .autoLrFind(true)
            .device("cpu") // the network is moved, the records stay where they are
            .lrFinder(LrFinder.builder().engine(engine).minLr(1e-6).maxLr(10).build())
            .build()
            .fit(model, List.of(), held);
    LrFinderResult found = result.lrFind().orElseThrow();
    assertThat(found.results().validationLosses()).hasSize(found.results().size());
    assertThat(model.lr).isEqualTo(found.suggestion().orElseThrow().lr()).isNotEqualTo(1e-3);
    assertThat(result.validationLoss()).isPresent();
  }

  /** Leaves out the batches of certain numbers. */
  private static final class Choosy extends Twins {
    private final List<Integer> leftOut;

    Choosy(Integer... leftOut) {
      this.leftOut = List.of(leftOut);
    }

    @Override
    public @Nullable Tensor trainingStep(Pair pair) {
      return leftOut.contains(train.indexOf(pair)) ? null : super.trainingStep(pair);
    }
  }

  private static Twins without(Integer... leftOut) {
    Twins model = new Twins();
    List<Integer> numbers = List.of(leftOut);
    List<Pair> all = List.copyOf(model.train);
    model.train.removeIf(pair -> numbers.contains(all.indexOf(pair)));
    return model;
  }

  @OnEachEngine
  void aStepThatReturnsNullLeavesItsBatchOut(EngineChoice engine) {
    for (Integer[] leftOut :
        new Integer[][] {{0}, {1}, {2}, {4}, {0, 1}, {3, 4}, {1, 3}, {2, 4}, {0, 1, 2, 3}}) {
      for (int window = 1; window <= 3; window++) {
        Choosy choosy = new Choosy(leftOut);
        TrainingResult result = trainer(engine).accumulateGradBatches(window).build().fit(choosy);
        Twins without = without(leftOut);
        TrainingResult expected =
            trainer(engine).accumulateGradBatches(window).build().fit(without);
        assertThat(result)
            .as("without %s, window %d", List.of(leftOut), window)
            .isEqualTo(expected);
        assertClose(choosy.network, without.network, 0);
      }
    }
  }

  @OnEachEngine
  void aResumedTrainingSkipsTheBatchesLeftOut(EngineChoice engine) {
    Choosy whole = new Choosy(0, 2);
    Trainer[] trainer = new Trainer[1];
    trainer[0] =
        trainer(engine)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    trainer[0].saveCheckpoint(folder.resolve(step.step() + ".ckpt"));
                  }
                })
            .build();
    TrainingResult expected = trainer[0].fit(whole);
    assertThat(expected.steps()).isEqualTo(9);
    for (int step = 1; step <= 9; step++) {
      Choosy resumed = new Choosy(0, 2);
      Trainer second = trainer(engine).build();
      second.restore(folder.resolve(step + ".ckpt"));
      assertThat(second.fit(resumed))
          .as("from step " + step)
          .usingRecursiveComparison()
          .ignoringFields("replay") // of the steps since the start
          .isEqualTo(expected);
      assertClose(resumed.network, whole.network, 0);
    }
  }

  @OnEachEngine
  void aValidationStepThatReturnsNullLeavesItsBatchOutOfTheMean(EngineChoice engine) {
    List<Pair> held = pairs(4, 3);
    class Held extends Twins {
      private final Pair not;

      Held(Pair not) {
        this.not = not;
      }

      @Override
      public @Nullable Tensor validationStep(Pair pair) {
        return pair == not ? null : trainingStep(pair);
      }
    }
    TrainingResult result = trainer(engine).build().fit(new Held(held.get(1)), List.of(), held);
    TrainingResult expected =
        trainer(engine).build().fit(new Twins(), List.of(), List.of(held.get(0), held.get(2)));
    assertThat(result).isEqualTo(expected);
    assertThatThrownBy(
            () -> trainer(engine).build().fit(new Held(held.get(1)), List.of(), held.subList(1, 2)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no validation batch is used: the loss was null for all 1 of them");
  }

  @OnEachEngine
  void anEpochOfWhichEveryBatchIsLeftOutIsRefused(EngineChoice engine) {
    assertThatThrownBy(() -> trainer(engine).build().fit(new Choosy(0, 1, 2, 3, 4)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no batch is used: the loss was null for all 5 batches of epoch 0");
    assertThatThrownBy(
            () -> trainer(engine).autoLrFind(true).build().fit(new Choosy(0, 1, 2, 3, 4)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no batch is used: the loss was null for all 5 batches of a walk");
  }
}

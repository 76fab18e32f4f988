package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.util.DoubleComparator;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerArchive;
import org.lrfinder.testkit.OptimizerSpec;

/** A trainer's steps: the same as those of a plain loop. */
class TrainingStepsTest extends TrainerFixture {
  static Stream<Arguments> enginesAndKinds() {
    return EnginesUnderTest.all().stream()
        .flatMap(
            engine -> Stream.of(OptimizerSpec.values()).map(kind -> Arguments.of(engine, kind)));
  }

  @ParameterizedTest
  @MethodSource("enginesAndKinds")
  void trainsAsAPlainLoopDoesAndKeepsTheOptimizerTrue(EngineChoice engine, OptimizerSpec kind) {
    OfSpec trained = new OfSpec(network(3, false), kind);
    SequentialImpl plain = network(3, false);
    Optimizer own = kind.over(plain);

    TrainingResult result = trainer(engine).build().fit(trained);
    Models.train(plain, own, trained.batches.list, 10);

    assertThat(result.epochs()).isEqualTo(2);
    assertThat(result.steps()).isEqualTo(10);
    assertClose(trained.network, plain, 1e-10);
    assertSameEntries(OptimizerArchive.entries(trained.made()), OptimizerArchive.entries(own));
  }

  private static void assertSameEntries(Map<String, Object> actual, Map<String, Object> expected) {
    assertThat(actual).isNotEmpty().containsOnlyKeys(expected.keySet());
    expected.forEach(
        (name, value) -> {
          if (value instanceof List<?> numbers) {
            assertThat(actual.get(name))
                .as(name)
                .usingRecursiveComparison()
                .withComparatorForType(new DoubleComparator(1e-12), Double.class)
                .isEqualTo(numbers);
          } else {
            assertThat(actual.get(name)).as(name).isEqualTo(value);
          }
        });
  }

  @OnEachEngine
  void aTrainingStepInJavaTrainsTheSame(EngineChoice engine) {
    ModelUnderTest builtIn = new ModelUnderTest(network(5, true));
    ModelUnderTest inJava =
        new ModelUnderTest(network(5, true)) {
          @Override
          public Optional<Loss> loss() {
            return Optional.empty();
          }

          @Override
          public Tensor trainingStep(Batch batch) {
            return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
          }

          @Override
          public Iterable<Batch> trainBatches() {
            return builtIn.batches.list;
          }
        };
    Trainer trainer =
        trainer(engine).accumulateGradBatches(2).gradientClipNorm(0.1).maxEpochs(3).build();
    torch.manual_seed(1);
    double native_ = trainer.fit(builtIn).trainLoss();
    torch.manual_seed(1);
    double java = trainer.fit(inJava).trainLoss();
    assertThat(java).isCloseTo(native_, within(1e-12));
    assertClose(inJava.network, builtIn.network, 1e-10);
  }

  @OnEachEngine
  void thePartialWindowAtTheEndOfAnEpochIsAStepOfItsOwnMean(EngineChoice engine) {
    ModelUnderTest trained = new ModelUnderTest(network(6, false));
    SequentialImpl plain = network(6, false);
    Optimizer own = Models.keep(new Adam(plain.parameters(), new AdamOptions(1e-3)));
    List<Long> steps = new ArrayList<>();

    trainer(engine)
        .maxEpochs(1)
        .accumulateGradBatches(3)
        .listener(
            new TrainerListener() {
              @Override
              public void onStep(TrainingStep step) {
                steps.add(step.step());
              }
            })
        .build()
        .fit(trained);

    for (List<Batch> window :
        List.of(trained.batches.list.subList(0, 3), trained.batches.list.subList(3, 5))) {
      own.zero_grad();
      Tensor input =
          torch.cat(Models.vector(window.stream().map(Batch::input).toArray(Tensor[]::new)));
      Tensor target =
          torch.cat(Models.vector(window.stream().map(Batch::target).toArray(Tensor[]::new)));
      torch.cross_entropy_loss(plain.forward(input), target).backward();
      own.step();
    }
    assertThat(steps).containsExactly(1L, 2L);
    assertClose(trained.network, plain, 1e-10);
  }

  @OnEachEngine
  void gradientsLeftBehindDoNotEnterTheFirstStep(EngineChoice engine) {
    ModelUnderTest clean = new ModelUnderTest(network(13, false));
    ModelUnderTest dirty = new ModelUnderTest(network(13, false));
    torch
        .cross_entropy_loss(
            dirty.network.forward(dirty.batches.list.get(0).input()),
            dirty.batches.list.get(0).target())
        .backward();
    trainer(engine).build().fit(clean);
    trainer(engine).build().fit(dirty);
    assertClose(dirty.network, clean.network, 1e-10);
  }

  @OnEachEngine
  void bfloat16AndADeviceTrainToo(EngineChoice engine) {
    torch.manual_seed(11);
    ModelUnderTest model = new ModelUnderTest(Models.mlp());
    List<Batch> floats = Models.batches(4, ScalarType.Float);
    model.batches.list.clear();
    model.batches.list.addAll(floats);
    TrainingResult result =
        trainer(engine).precision(Precision.BFLOAT16).device("cpu").maxEpochs(3).build().fit(model);
    assertThat(result.steps()).isEqualTo(12);
    assertThat(result.trainLoss()).isBetween(0.1, 3.0);
    assertThat(model.network.parameters().get(0).scalar_type().intern())
        .isEqualTo(ScalarType.Float);
  }

  /** Steps in Java: every parameter falls by a constant. */
  private static final class OwnOptimizer extends SGD {
    int steps;
    private final SequentialImpl network;

    OwnOptimizer(SequentialImpl network) {
      super(network.parameters(), new SGDOptions(0.1));
      this.network = network;
    }

    @Override
    public Tensor step() {
      steps++;
      for (long i = 0; i < network.parameters().size(); i++) {
        Tensor parameter = network.parameters().get(i).detach();
        parameter.sub_(new Scalar(0.25));
      }
      return new Tensor();
    }
  }

  @OnEachEngine
  void anOptimizerWrittenInJavaStepsByItselfAndIsNotSwept(EngineChoice engine) {
    SequentialImpl network = network(16, false);
    OwnOptimizer own = Models.keep(new OwnOptimizer(network));
    ModelUnderTest model =
        new ModelUnderTest(network) {
          @Override
          public Optimizer configureOptimizers() {
            return own;
          }
        };
    double first = network.parameters().get(0).sum().item_double();
    Trainer trainer = trainer(engine).maxEpochs(1).build();
    trainer.fit(model);
    assertThat(own.steps).isEqualTo(5);
    assertThat(network.parameters().get(0).sum().item_double())
        .isCloseTo(first - 1.25 * network.parameters().get(0).numel(), within(1e-9));
    assertThatThrownBy(() -> trainer.lrFind(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(
            "optimizer org.lrfinder.trainer.TrainingStepsTest$OwnOptimizer cannot be swept: ");
  }

  @Test
  void aNetworkMadeOnFirstUseSurvivesItsMoveToADevice() {
    ModelUnderTest model =
        new ModelUnderTest() {
          private @Nullable SequentialImpl lazy;

          @Override
          public SequentialImpl module() {
            if (lazy == null) {
              SequentialImpl made = new SequentialImpl();
              made.push_back(new LinearImpl(Models.FEATURES, Models.CLASSES));
              made.to(ScalarType.Double, false);
              lazy = made;
            }
            return lazy;
          }

          @Override
          public Optimizer configureOptimizers() {
            return OptimizerSpec.SGD.over(module());
          }
        };
    assertThat(trainer(EngineChoice.AUTO).device("cpu").build().fit(model).steps()).isEqualTo(10);
  }
}

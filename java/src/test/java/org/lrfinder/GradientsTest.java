package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Adagrad;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.EmbeddingOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** What happens to gradients between a backward pass and an update. */
class GradientsTest {
  private static final int STEPS = 15;

  @BeforeEach
  void seed() {
    torch.manual_seed(9);
  }

  private static LrFinder.Builder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).minLr(1e-3).maxLr(0.5).steps(STEPS).noEarlyStop();
  }

  @OnEachEngine
  void areClippedByValueAsPyTorchDoes(EngineChoice engine) {
    SequentialImpl network = Models.inDouble(Models.mlp());
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    List<Batch> batches = Models.batches(3, ScalarType.Double);
    LrFinder finder = finder(engine).gradientClipValue(0.02).build();
    double[] losses =
        finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches).results().losses();
    double[] unclipped =
        finder(engine)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches)
            .results()
            .losses();

    double[] expected = new double[STEPS];
    for (int i = 0; i < STEPS; i++) {
      Batch batch = batches.get(i % 3);
      optimizer.param_groups().get(0).options().set_lr(finder.settings().rate(i));
      optimizer.zero_grad();
      Tensor loss = torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
      expected[i] = loss.item_double();
      loss.backward();
      torch.clip_grad_value_(network.parameters(), 0.02);
      optimizer.step();
    }
    assertThat(losses).containsExactly(expected, within(1e-10));
    assertThat(losses[STEPS - 1]).isNotCloseTo(unclipped[STEPS - 1], within(1e-3));
  }

  /** A gradient that is one number expanded cannot be clamped in place, a sparse one not at all. */
  @OnEachEngine
  void ofEveryLayoutAreClippedByValue(EngineChoice engine) {
    Tensor weight = Models.keep(torch.ones(3, 2).to(ScalarType.Double).requires_grad_(true));
    Optimizer sgd = Models.keep(new SGD(Models.vector(weight), new SGDOptions(0.1)));
    List<Double> sums = new ArrayList<>();
    LrFinder finder = finder(engine).steps(3).minLr(0.1).maxLr(0.4).gradientClipValue(0.5).build();
    finder.find(
        sgd,
        batch -> {
          sums.add(weight.sum().item_double());
          return weight.sum().mul(new Scalar(7.0));
        },
        List.of("a batch"));
    assertThat(sums.get(0)).isEqualTo(6);
    assertThat(sums.get(1)).isCloseTo(6 - 6 * 0.1 * 0.5, within(1e-12));
    assertThat(sums.get(2)).isCloseTo(6 - 6 * (0.1 + 0.2) * 0.5, within(1e-12));

    EmbeddingImpl embedding = sparse();
    Optimizer sparseSgd = OptimizerSpec.SGD.over(embedding);
    Tensor rows = Models.keep(Tensor.create(1L, 4L, 4L));
    List<Double> fourth = new ArrayList<>();
    finder.find(
        SweepTask.of(
            embedding,
            sparseSgd,
            batch -> {
              fourth.add(embedding.weight().get(4).get(0).item_double());
              return embedding.forward(rows).sum().mul(new Scalar(0.3)); // twice 0.3 in row 4
            },
            List.of("a batch")));
    assertThat(fourth.get(0) - fourth.get(1)).isCloseTo(0.1 * 0.5, within(1e-12));
  }

  private static EmbeddingImpl sparse() {
    EmbeddingOptions options = new EmbeddingOptions(10, 3);
    options.sparse().put(true);
    return Models.keep(Models.inDouble(new EmbeddingImpl(options)));
  }

  static Stream<Arguments> refusals() {
    return EnginesUnderTest.stream()
        .flatMap(
            engine ->
                Stream.of(
                        OptimizerSpec.ADAM,
                        OptimizerSpec.ADAMW,
                        OptimizerSpec.RMSPROP,
                        OptimizerSpec.SGD_MOMENTUM_DAMPENING)
                    .map(kind -> Arguments.of(engine, kind)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("refusals")
  void thatAreSparseAreRefusedByOptimizersThatDoNotTakeThem(
      EngineChoice engine, OptimizerSpec kind) {
    EmbeddingImpl embedding = sparse();
    Optimizer optimizer = kind.over(embedding);
    refusedSparse(
        engine,
        embedding,
        optimizer,
        kind == OptimizerSpec.SGD_MOMENTUM_DAMPENING
            ? "torch::optim::SGD does not take sparse gradients with weight decay: set it to 0"
            : "torch::optim::%s does not take sparse gradients: give the parameters that have them to an optimizer of their own, SGD or Adagrad, or make their embedding dense"
                .formatted(optimizer.getClass().getSimpleName()));
  }

  @OnEachEngine
  void thatAreSparseAreRefusedByAdagradWithWeightDecay(EngineChoice engine) {
    EmbeddingImpl embedding = sparse();
    AdagradOptions options = new AdagradOptions(0.1);
    options.weight_decay().put(0.1);
    Optimizer optimizer = Models.keep(new Adagrad(embedding.parameters(), options));
    refusedSparse(
        engine,
        embedding,
        optimizer,
        "torch::optim::Adagrad does not take sparse gradients with weight decay: set it to 0");
  }

  private static void refusedSparse(
      EngineChoice engine, EmbeddingImpl embedding, Optimizer optimizer, String message) {
    Tensor rows = Models.keep(Tensor.create(1L, 4L, 4L));
    ModelState before = ModelState.of(embedding, optimizer);
    assertThatThrownBy(
            () ->
                finder(engine)
                    .build()
                    .find(
                        SweepTask.of(
                            embedding,
                            optimizer,
                            batch -> embedding.forward(rows).sum(),
                            List.of("a batch"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
    before.assertUnchangedIn(ModelState.of(embedding, optimizer));
  }

  /** What the refusal advises: a sparse embedding and a dense layer, an optimizer each. */
  @ParameterizedTest
  @EnumSource(
      value = OptimizerSpec.class,
      names = {"SGD", "ADAGRAD"})
  void sparseAndDenseParametersHaveAnOptimizerEach(OptimizerSpec kind) {
    EmbeddingImpl embedding = sparse();
    Module network = Models.keep(new Module("sparse_and_dense"));
    LinearImpl dense = Models.keep(new LinearImpl(3, 2));
    network.register_module("embedding", embedding);
    network.register_module("dense", dense);
    network.to(ScalarType.Double, false);
    Optimizer ofEmbedding = kind.over(embedding);
    Optimizer ofDense = OptimizerSpec.ADAM.over(dense);
    List<Tensor> batches =
        List.of(
            Models.keep(Tensor.create(1L, 4L, 4L, 7L)), Models.keep(Tensor.create(2L, 0L, 1L, 9L)));
    LossFunction<Tensor> loss = rows -> dense.forward(embedding.forward(rows)).square().mean();
    List<double[]> curves = new ArrayList<>();
    for (EngineChoice engine : EnginesUnderTest.all()) {
      ModelState before = ModelState.of(network, ofEmbedding);
      curves.add(
          finder(engine)
              .gradientClipNorm(0.1)
              .build()
              .find(
                  SweepTask.of(
                      List.of(
                          OptimizedLoss.sweeping(network, ofEmbedding, loss).andSweeping(ofDense)),
                      batches))
              .results()
              .losses());
      before.assertUnchangedIn(ModelState.of(network, ofEmbedding));
    }
    double[] expected = new double[STEPS];
    for (int i = 0; i < STEPS; i++) {
      double lr = finder(EngineChoice.PORTABLE).build().settings().rate(i);
      network.zero_grad(true);
      Tensor value = loss.loss(batches.get(i % 2));
      expected[i] = value.item_double();
      value.backward();
      for (Optimizer optimizer : List.of(ofEmbedding, ofDense)) {
        clip(optimizer.param_groups().get(0).params(), 0.1);
        optimizer.param_groups().get(0).options().set_lr(lr);
        optimizer.step();
      }
    }
    curves.forEach(curve -> assertThat(curve).containsExactly(expected, within(1e-11)));
  }

  /** By the norm of dense copies: libtorch's own function leaves sparse gradients as they are. */
  private static void clip(TensorVector parameters, double maxNorm) {
    double squares = 0;
    for (long i = 0; i < parameters.size(); i++) {
      squares += parameters.get(i).grad().to_dense().square().sum().item_double();
    }
    Scalar factor = new Scalar(Math.min(1, maxNorm / (Math.sqrt(squares) + 1e-6)));
    for (long i = 0; i < parameters.size(); i++) {
      parameters.get(i).mutable_grad().put(parameters.get(i).grad().mul(factor));
    }
  }

  /** Five micro-batches, two a step: the third step has one. */
  @OnEachEngine
  void ofAPartialLastStepAreTheMeanOfWhatThereIs(EngineChoice engine) {
    SequentialImpl network = Models.inDouble(Models.mlp());
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    List<Batch> batches = Models.batches(5, ScalarType.Double);
    List<List<Double>> reached = new ArrayList<>();
    LrFinder finder =
        finder(engine)
            .accumulateGradBatches(2)
            .cycleData(false)
            .listener(step -> reached.add(values(network)))
            .build();

    LrFinderResult found = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);

    assertThat(found.endReason()).isEqualTo(EndReason.DATA_EXHAUSTED);
    assertThat(found.results().size()).isEqualTo(3);
    double[] expected = new double[3];
    for (int i = 0; i < 3; i++) {
      List<Batch> window = batches.subList(2 * i, Math.min(2 * i + 2, 5));
      optimizer.param_groups().get(0).options().set_lr(finder.settings().rate(i));
      optimizer.zero_grad();
      for (Batch batch : window) {
        Tensor loss =
            torch
                .cross_entropy_loss(network.forward(batch.input()), batch.target())
                .div(new Scalar((double) window.size()));
        expected[i] += loss.item_double();
        loss.backward();
      }
      optimizer.step();
      List<Double> after = values(network);
      for (int k = 0; k < after.size(); k++) {
        assertThat(reached.get(i).get(k)).isCloseTo(after.get(k), within(1e-9));
      }
    }
    assertThat(found.results().losses()).containsExactly(expected, within(1e-12));
  }

  private static List<Double> values(Module network) {
    List<Double> values = new ArrayList<>();
    for (long i = 0; i < network.parameters().size(); i++) {
      Tensor flat = network.parameters().get(i).detach().reshape(-1);
      for (long k = 0; k < flat.numel(); k++) {
        values.add(flat.get(k).item_double());
      }
    }
    return values;
  }

  @OnEachEngine
  void ofAPartialStepOfSeveralLossesAreEachTheirOwnMean(EngineChoice engine) {
    SequentialImpl network = Models.inDouble(Models.mlp());
    Optimizer first =
        OptimizerSpec.SGD.over(
            Models.vector(network.parameters().get(0), network.parameters().get(1)));
    Optimizer second =
        OptimizerSpec.SGD.over(
            Models.vector(network.parameters().get(2), network.parameters().get(3)));
    List<Batch> batches = Models.batches(4, ScalarType.Double);
    List<Double> seen = new ArrayList<>();
    LossFunction<Batch> loss =
        batch -> {
          Tensor value = torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
          seen.add(value.item_double());
          return value;
        };
    List<List<Double>> reached = new ArrayList<>();
    double[] losses =
        finder(engine)
            .accumulateGradBatches(3)
            .cycleData(false)
            .listener(step -> reached.add(values(network)))
            .build()
            .find(
                SweepTask.of(
                    List.of(
                        OptimizedLoss.sweeping(network, first, loss),
                        OptimizedLoss.sweeping(network, second, loss)),
                    batches))
            .results()
            .losses();

    assertThat(losses).hasSize(2);
    assertThat(losses[0])
        .isCloseTo(seen.subList(0, 6).stream().mapToDouble(x -> x).sum() / 3, within(1e-12));
    assertThat(losses[1]).isEqualTo(seen.get(6) + seen.get(7));
    for (int i = 0; i < reached.get(0).size(); i++) {
      assertThat(reached.get(1).get(i)).isNotEqualTo(reached.get(0).get(i));
    }
  }

  @OnEachEngine
  void areClippedByNormOrByValueOnly(EngineChoice engine) {
    assertThatThrownBy(() -> finder(engine).gradientClipNorm(1).gradientClipValue(2).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "gradientClipValue is 2.0, but must be none when gradients are clipped by gradientClipNorm, which is 1.0");
    assertThatThrownBy(() -> finder(engine).gradientClipValue(0).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("gradientClipValue is 0.0, but must be greater than 0");
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Parameters of each type are swept as their own optimizer would train them. */
class PrecisionTest {
  private static final int STEPS = 40;

  @BeforeEach
  void seed() {
    torch.manual_seed(21);
  }

  private static LrFinder.Builder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).minLr(1e-3).maxLr(0.3).steps(STEPS).noEarlyStop();
  }

  static Stream<Arguments> cases() {
    return Stream.of(ScalarType.BFloat16, ScalarType.Float, ScalarType.Double)
        .flatMap(type -> Stream.of(OptimizerSpec.values()).map(kind -> Arguments.of(type, kind)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void isSweptAsTheOptimizerItselfWouldStep(ScalarType type, OptimizerSpec kind) {
    SequentialImpl network = Models.mlp();
    network.to(type, false);
    Optimizer optimizer = kind.over(network);
    List<Batch> batches = Models.batches(3, type);
    List<double[]> curves = new ArrayList<>();
    for (EngineChoice engine : EnginesUnderTest.all()) {
      ModelState before = ModelState.of(network, optimizer);
      curves.add(
          finder(engine)
              .build()
              .find(network, optimizer, Loss.CROSS_ENTROPY, batches)
              .results()
              .losses());
      before.assertUnchangedIn(ModelState.of(network, optimizer));
    }
    LrFinder finder = finder(EngineChoice.PORTABLE).build();
    double[] expected = new double[STEPS];
    for (int i = 0; i < STEPS; i++) {
      Batch batch = batches.get(i % batches.size());
      optimizer.param_groups().get(0).options().set_lr(finder.settings().rate(i));
      optimizer.zero_grad();
      Tensor loss = torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
      expected[i] = loss.item_double();
      loss.backward();
      optimizer.step();
    }
    // Narrow types step as they are; of the others, fused kernels round differently in the last
    // bits.
    double tolerance =
        switch (type) {
          case Double -> 1e-10;
          case Float -> 2e-4;
          default -> 0;
        };
    curves.forEach(curve -> assertThat(curve).containsExactly(expected, within(tolerance)));
  }

  @OnEachEngine
  void autocastComputesInBfloat16AndKeepsParametersInFloat32(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    List<Batch> batches = Models.batches(3, ScalarType.Float);
    double[] full = autocast(engine, Precision.AS_PARAMETERS, network, optimizer, batches);
    double[] cast = autocast(engine, Precision.BFLOAT16, network, optimizer, batches);
    double[] other =
        autocast(EngineChoice.PORTABLE, Precision.BFLOAT16, network, optimizer, batches);
    assertThat(cast[0]).isNotEqualTo(full[0]).isCloseTo(full[0], within(0.02));
    assertThat(cast).containsExactly(other, within(0.02));
    assertThat(network.parameters().get(0).scalar_type().intern()).isEqualTo(ScalarType.Float);
  }

  private static double[] autocast(
      EngineChoice engine,
      Precision precision,
      SequentialImpl network,
      Optimizer optimizer,
      List<Batch> batches) {
    return finder(engine)
        .precision(precision)
        .build()
        .find(network, optimizer, Loss.CROSS_ENTROPY, batches)
        .results()
        .losses();
  }
}

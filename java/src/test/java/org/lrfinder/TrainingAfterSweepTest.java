package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerArchive;
import org.lrfinder.testkit.OptimizerSpec;

/** Training after a sweep equals training without one, bit for bit, on one thread. */
class TrainingAfterSweepTest {
  private static final int STEPS = 50;

  private final int libtorchThreads = torch.get_num_threads();
  private final int blasThreads = openblas_nolapack.blas_get_num_threads();
  private final List<Batch> batches = Models.batches(4, ScalarType.Float);

  @BeforeEach
  void oneThread() {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
  }

  @AfterEach
  void threadsAsTheyWere() {
    torch.set_num_threads(libtorchThreads);
    openblas_nolapack.blas_set_num_threads(blasThreads);
  }

  /** A network with dropout, and batch norm half in eval mode, and its optimizer. */
  private record Subject(SequentialImpl network, Optimizer optimizer) {}

  /** The same in every call. */
  private Subject subject(OptimizerSpec kind, int stepsBefore) {
    torch.manual_seed(7);
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = kind.over(network);
    Models.train(network, optimizer, batches, stepsBefore);
    return new Subject(network, optimizer);
  }

  private record Trained(
      List<Double> losses, List<Double> drawn, ModelState state, Map<String, Object> optimizer) {}

  private Trained train(Subject subject) {
    List<Double> losses = new ArrayList<>();
    List<Double> drawn = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      try (PointerScope scope = new PointerScope()) {
        Batch batch = batches.get(i % batches.size());
        subject.optimizer.zero_grad();
        Tensor loss =
            torch.cross_entropy_loss(subject.network.forward(batch.input()), batch.target());
        loss.backward();
        subject.optimizer.step();
        losses.add(loss.item_double());
        drawn.add(torch.rand(1).item_double());
      }
    }
    return new Trained(
        losses,
        drawn,
        ModelState.of(subject.network, subject.optimizer),
        OptimizerArchive.entries(subject.optimizer));
  }

  static Stream<Arguments> subjects() {
    return EnginesUnderTest.stream()
        .flatMap(
            engine ->
                Stream.of(OptimizerSpec.values())
                    .flatMap(
                        kind -> Stream.of(0, 3).map(used -> Arguments.of(engine, kind, used))));
  }

  @ParameterizedTest(name = "{0} {1} after {2} steps")
  @MethodSource("subjects")
  void fiftyStepsAreTheSame(EngineChoice engine, OptimizerSpec kind, int stepsBefore) {
    Trained without = train(subject(kind, stepsBefore));
    Subject swept = subject(kind, stepsBefore);

    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .minLr(1e-4)
            .maxLr(0.5)
            .steps(30)
            .noEarlyStop()
            .accumulateGradBatches(2)
            .gradientClipNorm(1)
            .build()
            .find(swept.network, swept.optimizer, Loss.CROSS_ENTROPY, batches);
    Trained after = train(swept);

    assertThat(found.endReason()).isEqualTo(EndReason.COMPLETED);
    assertThat(after.losses).isEqualTo(without.losses);
    assertThat(after.drawn).isEqualTo(without.drawn);
    after.state.assertSameValuesAs(without.state);
    assertThat(after.optimizer).isEqualTo(without.optimizer);
    assertThat(after.optimizer.keySet())
        .anyMatch(
            key ->
                key.endsWith("group 0 parameter 5/step")
                    || key.endsWith("group 0 parameter 5/momentum_buffer")
                    || kind == OptimizerSpec.SGD);
  }
}

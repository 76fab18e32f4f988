package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Cuda;
import org.lrfinder.testkit.Digits;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Sweeps on a CUDA device: those of the CPU, to rounding. */
@Tag("cuda")
class CudaTest {
  private static final double ROUNDING = 1e-6; // of doubles, over a sweep

  @BeforeEach
  void aDevice() {
    Cuda.assumeDevice();
  }

  private static Tensor onCuda(Tensor tensor) {
    return Models.keep(tensor.to(new Device("cuda"), tensor.scalar_type()));
  }

  private static SequentialImpl network(String device) {
    SequentialImpl network = Models.inDouble(Digits.network(32));
    network.to(new Device(device), false);
    return network;
  }

  private static Tensor inputs() {
    return Models.keep(Digits.inputs().to(ScalarType.Double));
  }

  private static TensorBatches onHost() {
    return TensorBatches.of(inputs(), Digits.targets(), 32).shuffled(1);
  }

  private static TensorBatches onDevice() {
    return TensorBatches.of(onCuda(inputs()), onCuda(Digits.targets()), 32).shuffled(1);
  }

  private static LrFinder.Builder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).minLr(1e-5).maxLr(0.01);
  }

  private static void assertPath(EngineInfo info, EngineChoice engine) {
    assertThat(info.device()).isEqualTo("cuda:0");
    if (engine == EngineChoice.NATIVE) {
      assertThat(info.path()).isIn("late", "graph");
    } else {
      assertThat(info.path()).isEqualTo("immediate");
      assertThat(info.pathReason()).contains("the portable engine reads each step's loss");
    }
  }

  private static void assertClose(LrFinderResult found, LrFinderResult expected) {
    assertThat(found.endReason()).isEqualTo(expected.endReason());
    assertThat(found.results().rates()).isEqualTo(expected.results().rates());
    assertThat(found.results().losses())
        .containsExactly(expected.results().losses(), within(ROUNDING));
    assertThat(found.results().smoothedLosses())
        .containsExactly(expected.results().smoothedLosses(), within(ROUNDING));
  }

  @OnEachEngine
  void aSweepFindsWhatItFindsOnTheCpuAndPutsEverythingBack(EngineChoice engine) {
    for (OptimizerSpec kind : OptimizerSpec.values()) {
      SequentialImpl onCpu = network("cpu");
      LrFinderResult expected =
          finder(engine).build().find(onCpu, kind.over(onCpu), Loss.CROSS_ENTROPY, onHost());
      SequentialImpl network = network("cuda");
      Optimizer optimizer = kind.over(network);
      ModelState before = ModelState.of(network, optimizer);
      LrFinderResult found =
          finder(engine).build().find(network, optimizer, Loss.CROSS_ENTROPY, onDevice());
      before.assertUnchangedIn(ModelState.of(network, optimizer));
      assertClose(found, expected);
      assertPath(found.engine(), engine);
    }
  }

  @OnEachEngine
  void batchesOfTheHostAreRefusedAndMovedWhereThatIsAsked(EngineChoice engine) {
    SequentialImpl network = network("cuda");
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    SweepTask<Batch> task =
        SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, onHost()).validatedOn(onHost());
    assertThatThrownBy(() -> finder(engine).build().find(task))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "tensors on different devices: the network is on cuda:0 and the batch's input on cpu; device(\"cuda:0\") of a SweepTask, or of a Trainer's builder, moves batches");
    LrFinderResult moved = finder(engine).build().find(task.device("cuda"));
    LrFinderResult there =
        finder(engine)
            .build()
            .find(
                SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, onDevice())
                    .validatedOn(onDevice()));
    assertClose(moved, there);
    assertThat(moved.results().validationLosses())
        .containsExactly(there.results().validationLosses(), within(ROUNDING));
  }

  @OnEachEngine
  void aLossComputedInJavaIsSweptToo(EngineChoice engine) {
    SequentialImpl network = network("cuda");
    Optimizer optimizer = OptimizerSpec.SGD_NESTEROV.over(network);
    LrFinderResult expected =
        finder(engine).build().find(network, optimizer, Loss.CROSS_ENTROPY, onDevice());
    LrFinderResult found =
        finder(engine)
            .build()
            .find(
                SweepTask.of(
                    network,
                    optimizer,
                    batch ->
                        torch.cross_entropy_loss(network.forward(batch.input()), batch.target()),
                    onDevice()));
    assertClose(found, expected);
    assertPath(found.engine(), engine);
  }

  @OnEachEngine
  void lossesThatAreLateEndASweepWhereTheyWouldIfTheyCameAtOnce(EngineChoice engine) {
    SequentialImpl network = network("cuda");
    Optimizer optimizer = OptimizerSpec.SGD.over(network);
    ModelState before = ModelState.of(network, optimizer);
    List<Integer> heard = new ArrayList<>();
    LrFinderResult diverged =
        finder(engine)
            .minLr(1e-3)
            .maxLr(1e6)
            .listener(step -> heard.add(step.index()))
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, onDevice());
    assertThat(diverged.endReason()).isIn(EndReason.DIVERGED, EndReason.NON_FINITE);
    assertThat(heard).hasSize(diverged.results().size()).isSorted().doesNotHaveDuplicates();
    Tensor broken = onCuda(inputs().div(torch.zeros(1)));
    LrFinderResult nothing =
        finder(engine)
            .build()
            .find(
                network,
                optimizer,
                Loss.CROSS_ENTROPY,
                TensorBatches.of(broken, onCuda(Digits.targets()), 32));
    assertThat(nothing.endReason()).isEqualTo(EndReason.NON_FINITE);
    assertThat(nothing.results().size()).isZero();
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @OnEachEngine
  void thePresetsForCudaTellWhatTheDeviceIs(EngineChoice engine) {
    SequentialImpl network = network("cuda");
    EngineInfo info =
        finder(engine)
            .build()
            .find(network, OptimizerSpec.SGD.over(network), Loss.CROSS_ENTROPY, onDevice())
            .engine();
    assumeThat(info.hardware()).as("org.bytedeco:cuda with its libraries").isPresent();
    DeviceInfo device = info.hardware().orElseThrow();
    assertThat(device.name()).isNotBlank();
    assertThat(device.computeCapability()).matches("\\d+\\.\\d+");
    assertThat(device.freeBytes()).isBetween(1L, device.totalBytes());
  }

  @OnEachEngine
  void rowsAreCutOnTheDevice(EngineChoice engine) {
    SequentialImpl network = network("cuda");
    Tensor inputs = onCuda(inputs());
    Tensor targets = onCuda(Digits.targets());
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    TensorBatches cut = TensorBatches.of(inputs, targets, 32).shuffled(3);
    List<Batch> listed = new ArrayList<>();
    for (Batch batch : cut) {
      assertThat(batch.input().is_cuda() && batch.target().is_cuda()).isTrue();
      listed.add(
          new Batch(Models.keep(batch.input().clone()), Models.keep(batch.target().clone())));
    }
    int steps = listed.size();
    LrFinderResult expected =
        finder(engine).steps(steps).build().find(network, optimizer, Loss.CROSS_ENTROPY, listed);
    LrFinderResult found =
        finder(engine).steps(steps).build().find(network, optimizer, Loss.CROSS_ENTROPY, cut);
    assertClose(found, expected);
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.data.Batches;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.SweepListener;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** A sweep whose engine cuts the batches is the one over batches that were cut in Java. */
class CutBatchesTest {
  private static final int ROWS = 37;
  private static final int STEPS = 23; // some epochs

  private final SequentialImpl network = Models.inDouble(Models.batchNormAndDropout());
  private final Optimizer optimizer = OptimizerSpec.ADAM.over(network);
  private final Tensor inputs = torch.randn(ROWS, Models.FEATURES).to(ScalarType.Double);
  private final Tensor classes =
      torch.randint(0, Models.CLASSES, new long[] {ROWS}).to(ScalarType.Long);
  private final Tensor numbers = torch.randn(Models.CLASSES, ROWS).to(ScalarType.Double).t();

  private static LrFinder.Builder finder(EngineChoice engine) {
    return LrFinder.builder()
        .engine(engine)
        .minLr(1e-4)
        .maxLr(0.1)
        .steps(STEPS)
        .threads(1)
        .validationBatchCount(2);
  }

  private double[] losses(LrFinder finder, Loss loss, Iterable<Batch> batches) {
    torch.manual_seed(5); // of dropout
    return finder
        .find(SweepTask.of(network, optimizer, loss, batches).validatedOn(batches))
        .results()
        .losses();
  }

  /** The same batches, of which nobody knows how they are made. */
  private static Batches cutInJava(TensorBatches batches) {
    return batches::epoch;
  }

  @OnEachEngine
  void theLossesAreTheSameBitForBit(EngineChoice engine) {
    List<UnaryOperator<TensorBatches>> ways =
        List.of(
            rows -> rows,
            rows -> rows.shuffled(1),
            TensorBatches::keepingPartial,
            rows -> rows.keepingPartial().shuffled(2));
    Tensor strided = torch.randn(ROWS, 2 * Models.FEATURES).to(ScalarType.Double);
    for (Tensor data :
        List.of(
            inputs,
            strided.slice(1, new LongOptional(0), new LongOptional(2 * Models.FEATURES), 2))) {
      for (UnaryOperator<TensorBatches> way : ways) {
        for (int microBatches : new int[] {1, 3}) {
          LrFinder finder = finder(engine).accumulateGradBatches(microBatches).build();
          TensorBatches labelled = way.apply(TensorBatches.of(data, classes, 8));
          assertThat(losses(finder, Loss.CROSS_ENTROPY, labelled))
              .hasSize(STEPS)
              .isEqualTo(losses(finder, Loss.CROSS_ENTROPY, cutInJava(labelled)));
          TensorBatches valued = way.apply(TensorBatches.of(data, numbers, 8));
          assertThat(losses(finder, Loss.MSE, valued))
              .hasSize(STEPS)
              .isEqualTo(losses(finder, Loss.MSE, cutInJava(valued)));
        }
      }
    }
  }

  @OnEachEngine
  void dataThatEndAndDataThatChangeInPlaceAreSeenAsBefore(EngineChoice engine) {
    TensorBatches batches = TensorBatches.of(inputs, classes, 8).shuffled(1).keepingPartial();
    LrFinder once = finder(engine).cycleData(false).build();
    double[] ended = losses(once, Loss.CROSS_ENTROPY, batches);
    assertThat(ended).hasSize(5).isEqualTo(losses(once, Loss.CROSS_ENTROPY, cutInJava(batches)));
    Tensor original = inputs.clone();
    LrFinder changing =
        finder(engine).cycleData(false).listener(step -> inputs.mul_(new Scalar(1.5))).build();
    double[] changed = losses(changing, Loss.CROSS_ENTROPY, batches);
    inputs.copy_(original);
    assertThat(losses(changing, Loss.CROSS_ENTROPY, cutInJava(batches))).isEqualTo(changed);
    assertThat(changed[0]).isEqualTo(ended[0]);
    assertThat(changed[1]).isNotEqualTo(ended[1]);
  }

  /** As far as its batch goes: a step over a list of batches makes what a step makes. */
  @Test
  void aStepOfTheNativeEngineMakesNoObjectForItsBatch() {
    assumeThat(EnginesUnderTest.all()).contains(EngineChoice.NATIVE);
    TensorBatches batches = TensorBatches.of(inputs, classes, 2).shuffled(1);
    List<Batch> made = new ArrayList<>();
    batches.epoch(0).forEachRemaining(batch -> made.add(new Batch(inputs, classes)));
    assertThat(leastBytesOfAStep(batches)).isEqualTo(leastBytesOfAStep(made));
  }

  private long leastBytesOfAStep(Iterable<Batch> batches) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long[] after = new long[STEPS];
    SweepListener measuring =
        step -> after[step.index()] = threads.getCurrentThreadAllocatedBytes();
    finder(EngineChoice.NATIVE)
        .listener(measuring)
        .build()
        .find(SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches));
    return IntStream.range(1, STEPS).mapToLong(i -> after[i] - after[i - 1]).min().orElseThrow();
  }

  @OnEachEngine
  void dataThatAreClosedOrElsewhereAreRefusedInWords(EngineChoice engine) {
    ModelState before = ModelState.of(network, optimizer);
    Tensor closed = inputs.clone();
    TensorBatches batches = TensorBatches.of(closed, classes, 8).shuffled(1);
    SweepTask<Batch> task = SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches);
    assertThatThrownBy(() -> finder(engine).listener(step -> closed.close()).build().find(task))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the data set's inputs were closed before they were used");
    before.assertUnchangedIn(ModelState.of(network, optimizer));
    assertThatThrownBy(() -> finder(engine).build().find(task))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the data set's inputs were closed before they were used");
    before.assertUnchangedIn(ModelState.of(network, optimizer));

    Tensor elsewhere = inputs.to(new Device(DeviceType.Meta), ScalarType.Double);
    TensorBatches there = TensorBatches.of(elsewhere, elsewhere, 8);
    assertThatThrownBy(
            () -> finder(engine).build().find(SweepTask.of(network, optimizer, Loss.MSE, there)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "tensors on different devices: the network is on cpu and the batch's input on meta; device(\"cpu\") of a SweepTask, or of a Trainer's builder, moves batches");
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }
}

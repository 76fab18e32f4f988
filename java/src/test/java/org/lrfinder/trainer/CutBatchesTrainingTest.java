package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.data.Batches;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;

/** A training whose engine cuts the batches is the one over batches that were cut in Java. */
class CutBatchesTrainingTest extends TrainerFixture {
  private static final int ROWS = 37;

  private final Tensor inputs = torch.randn(ROWS, Models.FEATURES).to(ScalarType.Double);
  private final Tensor classes =
      torch.randint(0, Models.CLASSES, new long[] {ROWS}).to(ScalarType.Long);

  private static final class OnBatches extends ModelUnderTest {
    private final Iterable<Batch> train;
    private final Iterable<Batch> held;

    OnBatches(Iterable<Batch> train, Iterable<Batch> held) {
      super(network(7, true));
      this.train = train;
      this.held = held;
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return train;
    }

    @Override
    public Iterable<Batch> validationBatches() {
      return held;
    }
  }

  @OnEachEngine
  void theModelIsTheSameBitForBit(EngineChoice engine) {
    TensorBatches rows = TensorBatches.of(inputs, classes, 8);
    TensorBatches held = rows.keepingPartial();
    Batches heldCutInJava = held::epoch;
    int microBatches = 1;
    for (TensorBatches train : List.of(rows, rows.shuffled(1), held.shuffled(2))) {
      Batches cutInJava = train::epoch;
      OnBatches cut = new OnBatches(train, held);
      OnBatches plain = new OnBatches(cutInJava, heldCutInJava);

      TrainingResult result = fit(engine, microBatches, cut);
      TrainingResult expected = fit(engine, microBatches, plain);

      assertThat(result.steps()).isEqualTo(expected.steps());
      assertThat(result.trainLoss()).isEqualTo(expected.trainLoss());
      assertThat(result.validationLoss()).isPresent().isEqualTo(expected.validationLoss());
      assertThat(cut.lr).isEqualTo(plain.lr);
      assertSame(cut.network, plain.network);
      microBatches++;
    }
  }

  private TrainingResult fit(EngineChoice engine, int microBatches, OnBatches model) {
    torch.manual_seed(9); // of dropout
    return trainer(engine)
        .maxEpochs(3)
        .accumulateGradBatches(microBatches)
        .autoLrFind(true)
        .lrFindRetries(false)
        .build()
        .fit(model);
  }

  /** As far as its batch goes: a step over a list of batches makes what a step makes. */
  @Test
  void aStepOfTheNativeEngineMakesNoObjectForItsBatch() {
    assumeThat(EnginesUnderTest.all()).contains(EngineChoice.NATIVE);
    List<Batch> made = Collections.nCopies(18, new Batch(inputs, classes));
    TensorBatches rows = TensorBatches.of(inputs, classes, 2);
    assertThat(leastBytesOfAStep(rows.shuffled(1))).isEqualTo(leastBytesOfAStep(made));
    assertThat(leastBytesOfAStep(rows)).isEqualTo(leastBytesOfAStep(made));
  }

  private long leastBytesOfAStep(Iterable<Batch> batches) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long[] after = new long[37];
    TrainerListener measuring =
        new TrainerListener() {
          @Override
          public void onStep(TrainingStep step) {
            after[(int) step.step()] = threads.getCurrentThreadAllocatedBytes();
          }
        };
    trainer(EngineChoice.NATIVE).listener(measuring).build().fit(new OnBatches(batches, made()));
    return IntStream.range(2, after.length)
        .mapToLong(i -> after[i] - after[i - 1])
        .min()
        .orElseThrow();
  }

  private List<Batch> made() {
    return List.of(new Batch(inputs, classes));
  }

  @OnEachEngine
  void dataThatAreClosedInATrainingAreRefusedInWords(EngineChoice engine) {
    OnBatches model = new OnBatches(TensorBatches.of(inputs, classes, 8).shuffled(1), List.of());
    TrainerListener closing =
        new TrainerListener() {
          @Override
          public void onStep(TrainingStep step) {
            classes.close();
          }
        };
    assertThatThrownBy(() -> trainer(engine).listener(closing).build().fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the data set's targets were closed before they were used");
  }
}

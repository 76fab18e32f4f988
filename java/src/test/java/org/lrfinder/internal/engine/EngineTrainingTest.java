package org.lrfinder.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepSettings;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.testkit.OwnJvm;

/** A training's steps, without a trainer. */
class EngineTrainingTest {
  @OnEachEngine
  void aStepMayBeFinishedAfterItsLastMicroBatch(EngineChoice engine) {
    List<Batch> batches = Models.batches(2, ScalarType.Double);
    List<Double> losses = new ArrayList<>();
    List<SequentialImpl> trained = new ArrayList<>();
    for (boolean afterwards : new boolean[] {false, true}) {
      torch.manual_seed(5);
      SequentialImpl network = Models.inDouble(Models.mlp());
      Optimizer optimizer = OptimizerSpec.ADAM.over(network);
      try (EngineTraining training =
          Engines.of(engine)
              .train(
                  network,
                  optimizer,
                  StepSettings.builder()
                      .accumulateGradBatches(4)
                      .gradientClipNorm(1e6)
                      .threads(1)
                      .build(),
                  false,
                  null)) {
        assertThatThrownBy(training::finish)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("there is no step to finish: nothing was accumulated");
        training.accumulate(batches.get(0), Loss.CROSS_ENTROPY);
        if (afterwards) {
          training.accumulate(batches.get(1), Loss.CROSS_ENTROPY);
          assertThat(training.finish()).isTrue();
        } else {
          assertThat(training.step(batches.get(1), Loss.CROSS_ENTROPY)).isTrue();
        }
        losses.add(training.loss());
        assertThat(training.settle()).as("a loss is left").isFalse();
        trained.add(network);
      }
    }
    assertThat(losses.get(1)).isEqualTo(losses.get(0));
    for (long i = 0; i < trained.get(0).parameters().size(); i++) {
      assertThat(trained.get(1).parameters().get(i).equal(trained.get(0).parameters().get(i)))
          .isTrue();
    }
  }

  private static final class OwnOptimizer extends SGD {
    OwnOptimizer(SequentialImpl network) {
      super(network.parameters(), new SGDOptions(0.1));
    }
  }

  @Test
  void itIsSaidOnceThatAnOptimizerOfTheUsersDoesNotTrainNatively() throws Exception {
    assumeThat(EnginesUnderTest.all()).contains(EngineChoice.NATIVE);
    assertThat(OwnJvm.run(List.of(), EngineTrainingTest.class))
        .containsOnlyOnce(
            "Training with the portable engine, which calls the step of %s in Java"
                .formatted(OwnOptimizer.class.getName()));
  }

  /** Trains twice. */
  public static void main(String[] arguments) {
    for (int i = 0; i < 2; i++) {
      SequentialImpl network = Models.mlp();
      StepSettings settings = StepSettings.builder().build();
      Engines.of(EngineChoice.NATIVE)
          .train(network, new OwnOptimizer(network), settings, false, null)
          .close();
    }
  }
}

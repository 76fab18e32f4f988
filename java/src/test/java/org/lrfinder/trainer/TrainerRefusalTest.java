package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.LBFGS;
import org.bytedeco.pytorch.LBFGSOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;

/** What cannot be trained is refused, with no trace of a training. */
class TrainerRefusalTest extends TrainerFixture {
  @Test
  void whatCannotBeTrainedIsRefused() {
    assertThatThrownBy(() -> Trainer.builder().maxEpochs(-1).build())
        .hasMessage("maxEpochs is -1, but must be at least 0");
    assertThatThrownBy(() -> Trainer.builder().accumulateGradBatches(0).build())
        .hasMessage("accumulateGradBatches is 0, but must be at least 1");
    assertThatThrownBy(() -> Trainer.builder().gradientClipNorm(Double.NaN).build())
        .hasMessage("gradientClipNorm is NaN, but must be greater than 0");
    assertThatThrownBy(() -> Trainer.builder().device("gpu"))
        .hasMessage("device is gpu, but must be cpu, cuda or cuda:N");
    if (!torch.cuda_is_available()) {
      assertThatThrownBy(
              () -> trainer(EngineChoice.AUTO).device("cuda").build().fit(new ModelUnderTest()))
          .hasMessageStartingWith("device is cuda, but libtorch finds no CUDA device: ");
    }
    ModelUnderTest withoutData =
        new ModelUnderTest() {
          @Override
          public @Nullable Iterable<Batch> trainBatches() {
            return null;
          }
        };
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    assertThatThrownBy(() -> trainer.fit(withoutData))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has no trainBatches(), and none were given");
    assertThatThrownBy(() -> trainer.fit(withoutData, List.of(), null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("there is no data: the batches of epoch 0 are empty");
    ModelUnderTest withoutLoss =
        new ModelUnderTest() {
          @Override
          public Optional<Loss> loss() {
            return Optional.empty();
          }
        };
    assertThatThrownBy(() -> trainer.fit(withoutLoss))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("needs a loss() or a trainingStep(batch)");
  }

  @OnEachEngine
  void lbfgsIsRefused(EngineChoice engine) {
    ModelUnderTest model =
        new ModelUnderTest() {
          @Override
          public Optimizer configureOptimizers() {
            return Models.keep(new LBFGS(network.parameters(), new LBFGSOptions(0.1)));
          }
        };
    assertThatThrownBy(() -> trainer(engine).build().fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "optimizer LBFGS cannot be trained with: it needs to compute the loss several times in a step;"
                + " call its step(closure) in a loop of your own");
    assertThatThrownBy(() -> trainer(engine).autoLrFind(true).build().fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("LBFGS");
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void withoutBatchesThereIsNoTraceOfATraining(boolean autoLrFind) {
    Trainer trainer = trainer(EngineChoice.AUTO).autoLrFind(autoLrFind).build();
    ModelUnderTest model = new ModelUnderTest();
    model.batches.list.clear();
    assertThatThrownBy(() -> trainer.fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("there is no data: the batches");
    assertThat(folder).isEmptyDirectory();
  }
}

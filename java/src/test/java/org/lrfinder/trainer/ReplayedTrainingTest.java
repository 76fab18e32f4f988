package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.Replay;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.OnEachEngine;

/** Which steps of a training are replayed, and that replay changes no bit of it. */
class ReplayedTrainingTest extends TrainerFixture {
  private static final int EPOCHS = 4;
  private static final int STEPS = 5; // of an epoch

  @BeforeEach
  void nativeEngine() {
    assumeThat(EnginesUnderTest.all()).contains(EngineChoice.NATIVE);
  }

  /** With a built-in loss, or with one in Java that is declared static. */
  private static final class Replayable extends ModelUnderTest {
    private final boolean builtIn;
    private int calls;

    Replayable(boolean builtIn) {
      super(network(3, true));
      this.builtIn = builtIn;
    }

    @Override
    public Optional<Loss> loss() {
      return builtIn ? Optional.of(Loss.CROSS_ENTROPY) : Optional.empty();
    }

    @Override
    public Tensor trainingStep(Batch batch) {
      calls++;
      return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
    }

    @Override
    public boolean declaredStatic() {
      return !builtIn;
    }
  }

  private TrainingResult fitted(Replayable model, EngineChoice engine, boolean replay) {
    torch.manual_seed(8);
    return trainer(engine).maxEpochs(EPOCHS).replay(replay).build().fit(model);
  }

  @Test
  void stepsAreReplayedInEachEpochAndTrainWhatAutogradTrains() {
    for (boolean builtIn : new boolean[] {true, false}) {
      Replayable model = new Replayable(builtIn);
      Replayable computed = new Replayable(builtIn);
      TrainingResult by = fitted(model, EngineChoice.NATIVE, true);
      TrainingResult without = fitted(computed, EngineChoice.NATIVE, false);
      int own = builtIn ? 2 : 3; // seen, recorded, and of a promise the first replay checked
      assertThat(by.replay()).isEqualTo(Replay.of((long) EPOCHS * (STEPS - own), ""));
      assertThat(without.replay()).isEqualTo(Replay.of(0, "replay is turned off"));
      assertThat(by.trainLoss()).isEqualTo(without.trainLoss());
      assertSame(model.network, computed.network);
      assertThat(model.calls).isEqualTo(builtIn ? 0 : EPOCHS * own);
    }
  }

  @Test
  void aModelThatIsDeclaredStaticIsSweptAsSuch() {
    Replayable model = new Replayable(false);
    TrainingResult result =
        trainer(EngineChoice.NATIVE)
            .maxEpochs(1)
            .autoLrFind(true)
            .lrFinder(
                LrFinder.builder().engine(EngineChoice.NATIVE).steps(50).noEarlyStop().build())
            .build()
            .fit(model);
    assertThat(result.lrFind().orElseThrow().replay()).isEqualTo(Replay.of(47, ""));
    assertThat(model.calls).isEqualTo(6);
  }

  @OnEachEngine
  void whatIsNotReplayedSaysWhy(EngineChoice engine) {
    String reason =
        engine == EngineChoice.NATIVE
            ? "replay is turned off"
            : "the portable engine does not replay";
    assertThat(fitted(new Replayable(true), engine, false).replay())
        .isEqualTo(Replay.of(0, reason));
    assertThat(trainer(engine).maxEpochs(0).build().fit(new Replayable(true)).replay())
        .isEqualTo(Replay.of(0, "there was no step"));
  }
}

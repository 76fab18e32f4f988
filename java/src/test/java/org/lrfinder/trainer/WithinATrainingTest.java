package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;

/** What may be called while a trainer trains, and what it does then. */
class WithinATrainingTest extends TrainerFixture {
  private static final String FIT_IS_RUNNING =
      "fit is running: it may be called again when it has returned, not from within";
  private static final String RESTORE_BETWEEN_EPOCHS =
      "fit is running: from within, restore may be called in a listener's onEpochEnd only, where no step or sweep is under way";

  @Override
  Trainer.Builder trainer(EngineChoice engine) {
    return super.trainer(engine).maxEpochs(3).logger(MetricsLogger.NONE);
  }

  /** With dropout, and the same weights, batches and generator each time. */
  private static ModelUnderTest model() {
    torch.manual_seed(3);
    ModelUnderTest model = new ModelUnderTest(Models.inDouble(Models.batchNormAndDropout()));
    torch.manual_seed(4);
    return model;
  }

  /** A model whose loss, computed in Java, calls something first. */
  private static ModelUnderTest calling(Runnable call) {
    return new ModelUnderTest() {
      @Override
      public Optional<Loss> loss() {
        return Optional.empty();
      }

      @Override
      public Tensor trainingStep(Batch batch) {
        call.run();
        return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
      }
    };
  }

  /** Calls something with its trainer at a step, and something at an epoch's end. */
  private static final class Calling implements TrainerListener {
    private final Consumer<Trainer> atStep;
    private final Consumer<Trainer> atEpoch;
    final Trainer trainer;
    final List<TrainingStep> steps = new ArrayList<>();
    final List<TrainingEpoch> epochs = new ArrayList<>();

    Calling(Trainer.Builder builder, Consumer<Trainer> atStep, Consumer<Trainer> atEpoch) {
      this.atStep = atStep;
      this.atEpoch = atEpoch;
      this.trainer = builder.listener(this).build();
    }

    @Override
    public void onStep(TrainingStep step) {
      steps.add(step);
      atStep.accept(trainer);
    }

    @Override
    public void onEpochEnd(TrainingEpoch epoch) {
      epochs.add(epoch);
      atEpoch.accept(trainer);
    }
  }

  private static void refused(Runnable call, String message) {
    assertThatThrownBy(call::run).isInstanceOf(IllegalStateException.class).hasMessage(message);
  }

  @OnEachEngine
  void fitAndRestoreAreRefusedWithinAStepAndTheTrainingGoesOnAsIfNotCalled(EngineChoice engine) {
    ModelUnderTest expected = model();
    trainer(engine).build().fit(expected);
    Path file = folder.resolve("step.ckpt");
    int[] refusals = new int[1];
    ModelUnderTest trained = model();
    Calling calling =
        new Calling(
            trainer(engine),
            trainer -> {
              trainer.saveCheckpoint(file);
              refused(() -> trainer.restore(file), RESTORE_BETWEEN_EPOCHS);
              refused(() -> trainer.fit(trained), FIT_IS_RUNNING);
              refusals[0]++;
            },
            trainer -> refused(() -> trainer.fit(trained), FIT_IS_RUNNING));
    assertThat(calling.trainer.fit(trained).steps()).isEqualTo(15);
    assertThat(refusals[0]).isEqualTo(15);
    assertSame(trained.network, expected.network);
  }

  @Test
  void restoreIsRefusedInALossAndWhereARateWasFound() {
    Path file = folder.resolve("start.ckpt");
    Trainer[] trainer = new Trainer[1];
    int[] refusals = new int[1];
    ModelUnderTest model =
        calling(
            () -> {
              refused(() -> trainer[0].restore(file), RESTORE_BETWEEN_EPOCHS);
              refusals[0]++;
            });
    trainer[0] =
        trainer(EngineChoice.AUTO)
            .maxEpochs(1)
            .autoLrFind(true)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onLearningRateFound(LrFinderResult found) {
                    refused(() -> trainer[0].restore(file), RESTORE_BETWEEN_EPOCHS);
                    refusals[0]++;
                  }
                })
            .build();
    trainer[0].fit(model);
    assertThat(refusals[0]).isGreaterThan(1 + 5);
  }

  @OnEachEngine
  void restoreAfterAnEpochIsBitwiseRight(EngineChoice engine) {
    ModelUnderTest expected = model();
    trainer(engine).build().fit(expected);
    Path file = folder.resolve("epoch.ckpt");
    List<Long> seen = new ArrayList<>();
    Calling calling =
        new Calling(
            trainer(engine),
            trainer -> {},
            trainer -> {
              seen.add((long) seen.size());
              if (seen.size() == 1) {
                trainer.saveCheckpoint(file);
              } else if (seen.size() == 2) {
                trainer.restore(file);
              }
            });
    ModelUnderTest trained = model();
    assertThat(calling.trainer.fit(trained).steps()).isEqualTo(15);
    assertThat(calling.epochs).extracting(TrainingEpoch::epoch).containsExactly(0L, 1L, 1L, 2L);
    assertThat(calling.epochs.get(2)).isEqualTo(calling.epochs.get(1));
    assertSame(trained.network, expected.network);

    calling.steps.clear();
    assertThat(calling.trainer.fit(model()).steps()).isEqualTo(15);
    assertThat(calling.steps.get(0).step()).as("of the next fit").isEqualTo(1);
  }

  @OnEachEngine
  void aCheckpointRefusedAfterAnEpochChangesNothing(EngineChoice engine) {
    Path file = folder.resolve("other.ckpt");
    Trainer other = trainer(engine).build();
    other.fit(new ModelUnderTest());
    other.saveCheckpoint(file);
    ModelUnderTest expected = model();
    trainer(engine).build().fit(expected);
    Calling calling =
        new Calling(
            trainer(engine),
            trainer -> {},
            trainer ->
                assertThatThrownBy(() -> trainer.restore(file))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("another network"));
    ModelUnderTest trained = model();
    calling.trainer.fit(trained);
    assertSame(trained.network, expected.network);
  }

  @OnEachEngine
  void aSweepWithinAStepLeavesNoTraceInTheTraining(EngineChoice engine) {
    ModelUnderTest expected = model();
    trainer(engine).accumulateGradBatches(2).build().fit(expected);
    ModelUnderTest trained = model();
    LrFinder finder = LrFinder.builder().engine(engine).steps(5).build();
    Calling calling =
        new Calling(
            trainer(engine).accumulateGradBatches(2).lrFinder(finder),
            trainer -> trainer.lrFind(trained),
            trainer -> trainer.lrFind(trained));
    calling.trainer.fit(trained);
    assertSame(trained.network, expected.network);
  }

  @Test
  void stopEndsTheTrainingAfterTheStepAndLeavesNoFlag() {
    Calling calling = new Calling(trainer(EngineChoice.AUTO), Trainer::stop, trainer -> {});
    TrainingResult result = calling.trainer.fit(model());
    assertThat(result.stopped()).isTrue();
    assertThat(result.interrupted()).isFalse();
    assertThat(result.steps()).isEqualTo(1);
    assertThat(result.epochs()).isZero();
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void stopIsHeardFromAnotherThreadAndATrainingStoppedResumes() {
    ModelUnderTest expected = model();
    TrainingResult whole = trainer(EngineChoice.AUTO).build().fit(expected);
    Path file = folder.resolve("stopped.ckpt");
    int[] calls = new int[1];
    Calling calling =
        new Calling(
            trainer(EngineChoice.AUTO),
            trainer -> {
              if (++calls[0] == 7) {
                Thread other = new Thread(trainer::stop);
                other.start();
                try {
                  other.join();
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
              }
            },
            trainer -> {});
    ModelUnderTest trained = model();
    assertThat(calling.trainer.fit(trained).steps()).isEqualTo(7);
    calling.trainer.saveCheckpoint(file);
    calling.trainer.restore(file);
    assertThat(calling.trainer.fit(trained))
        .as("the stop is over")
        .usingRecursiveComparison()
        .ignoringFields("replay") // of the steps since the start
        .isEqualTo(whole);
    assertSame(trained.network, expected.network);
  }

  /** As the Javadoc of stop has it. */
  private final class Training implements TrainerListener {
    final Trainer trainer = trainer(EngineChoice.AUTO).maxEpochs(1000).listener(this).build();
    double best = Double.POSITIVE_INFINITY;
    int waited;

    @Override
    public void onEpochEnd(TrainingEpoch epoch) {
      double loss = epoch.validationLoss().orElseThrow();
      waited = loss < best ? 0 : waited + 1;
      best = Math.min(best, loss);
      if (waited == 3) {
        trainer.stop();
      }
    }
  }

  @Test
  void earlyStoppingIsAListeners() {
    ModelUnderTest model = model();
    model.lr = 0.05;
    torch.manual_seed(99);
    List<Batch> noise = Models.batches(2, ScalarType.Double);
    Training training = new Training();
    TrainingResult result = training.trainer.fit(model, List.of(), noise);
    assertThat(result.stopped()).isTrue();
    assertThat(result.epochs()).isBetween(3L, 200L);
    assertThat(training.waited).isEqualTo(3);
    assertThat(result.validationLoss().orElseThrow()).isGreaterThan(training.best);
  }

  @Test
  void restoreIsRefusedWhileLrFindSweepsAlsoAfterAnEpoch() {
    Path file = folder.resolve("epoch.ckpt");
    int[] refusals = new int[1];
    ModelUnderTest expected = model();
    trainer(EngineChoice.AUTO).build().fit(expected);
    ModelUnderTest trained = model();
    Calling calling =
        new Calling(
            trainer(EngineChoice.AUTO),
            trainer -> {},
            trainer -> {
              trainer.saveCheckpoint(file);
              LrFinder finder =
                  LrFinder.builder()
                      .listener(
                          step -> {
                            refused(
                                () -> trainer.restore(file),
                                "lrFind is running: restore may be called when it has returned, not from within");
                            refusals[0]++;
                          })
                      .build();
              trainer.lrFind(trained, trained.batches, null, finder);
            });
    calling.trainer.fit(trained);
    assertThat(refusals[0]).isGreaterThan(100);
    assertSame(trained.network, expected.network);
    calling.trainer.restore(file);
  }

  @Test
  void aTrainingThatIsStoppedBetweenEpochsHasTheLossOfItsLastEpoch() {
    Trainer[] trainer = new Trainer[1];
    double[] last = new double[1];
    trainer[0] =
        trainer(EngineChoice.AUTO)
            .lrFindAtEpochs(1)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onEpochEnd(TrainingEpoch epoch) {
                    last[0] = epoch.trainLoss();
                  }

                  @Override
                  public void onLearningRateFound(LrFinderResult found) {
                    trainer[0].stop();
                  }
                })
            .build();
    TrainingResult result = trainer[0].fit(model());
    assertThat(result.epochs()).isEqualTo(1);
    assertThat(result.trainLoss()).isEqualTo(last[0]);
  }

  @Test
  void stopEndsTheSweepBeforeATrainingToo() {
    Trainer[] trainer = new Trainer[1];
    int[] drawn = new int[1];
    ModelUnderTest model =
        calling(
            () -> {
              if (++drawn[0] == 20) {
                trainer[0].stop();
              }
            });
    trainer[0] = trainer(EngineChoice.AUTO).autoLrFind(true).build();
    TrainingResult result = trainer[0].fit(model);
    assertThat(drawn[0]).isEqualTo(20);
    assertThat(result.stopped()).isTrue();
    assertThat(result.steps()).isZero();
    assertThat(model.lr).isEqualTo(1e-3);
  }

  @Test
  void stopWithoutATrainingDoesNothing() {
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    trainer.stop();
    TrainingResult result = trainer.fit(model());
    assertThat(result.steps()).isEqualTo(15);
    assertThat(result.stopped()).isFalse();
  }
}

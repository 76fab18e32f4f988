package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Trainings: their data, their schedulers and how they end. */
class TrainerTest extends TrainerFixture {
  @OnEachEngine
  void aSchedulerMovesTheRateAfterEachEpochAndASweepDoesNotMoveIt(EngineChoice engine) {
    Scheduled model = new Scheduled(network(8, false));
    List<Double> rates = new ArrayList<>();
    List<LrFinderResult> sweeps = new ArrayList<>();
    Trainer[] trainer = new Trainer[1];
    trainer[0] =
        trainer(engine)
            .maxEpochs(3)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onEpochEnd(TrainingEpoch epoch) {
                    rates.add(epoch.lr());
                    Optimizer optimizer = Models.keep(model.configureOptimizers());
                    ModelState before = ModelState.of(model.network, optimizer);
                    sweeps.add(trainer[0].lrFind(model));
                    before.assertUnchangedIn(ModelState.of(model.network, optimizer));
                  }
                })
            .build();
    sweeps.add(trainer[0].lrFind(model));
    trainer[0].fit(model);
    sweeps.add(trainer[0].lrFind(model));

    // libtorch's StepLR takes its first step for the one that PyTorch's constructor makes.
    assertThat(rates).containsExactly(0.01, 0.01, 0.005);
    // Before, between and after training: each sweep starts at its own beginning.
    assertThat(sweeps)
        .hasSize(5)
        .allSatisfy(sweep -> assertThat(sweep.results().rates()[0]).isEqualTo(1e-8))
        .allSatisfy(sweep -> assertThat(sweep.results().size()).isGreaterThan(30));
  }

  @Test
  void theModelsOwnBatchesWinOverThoseGiven() {
    ModelUnderTest model = new ModelUnderTest();
    ModelUnderTest.CountedBatches given = new ModelUnderTest.CountedBatches(model.batches.list);
    trainer(EngineChoice.AUTO).build().fit(model, given, null);
    assertThat(given.drawn).isZero();
    assertThat(model.batches.drawn).isEqualTo(10);
  }

  @OnEachEngine
  void lrFindTakesValidationBatchesAndSettings(EngineChoice engine) {
    ModelUnderTest model = new ModelUnderTest();
    LrFinderResult found =
        trainer(engine)
            .build()
            .lrFind(
                model,
                model.batches.list,
                model.batches.list,
                LrFinder.builder().engine(engine).steps(12).minLr(1e-5).maxLr(1e-2).build());
    assertThat(found.results().size()).isEqualTo(12);
    assertThat(found.results().validationLosses()).hasSize(12);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void anInterruptEndsTheTrainingAfterAStep() {
    ModelUnderTest model = new ModelUnderTest();
    TrainingResult result =
        trainer(EngineChoice.AUTO)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    if (step.step() == 3) {
                      Thread.currentThread().interrupt();
                    }
                  }
                })
            .build()
            .fit(model);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(result.interrupted()).isTrue();
    assertThat(result.steps()).isEqualTo(3);
  }

  @OnEachEngine
  void trainingsLeaveNoNativeObjectBehind(EngineChoice engine) {
    SequentialImpl network = network(10, true);
    Optimizer optimizer = OptimizerSpec.ADAMW.over(network);
    ModelUnderTest model =
        new ModelUnderTest(network) {
          @Override
          public Optimizer configureOptimizers() {
            return optimizer;
          }
        };
    Trainer trainer = trainer(engine).logger(MetricsLogger.NONE).accumulateGradBatches(2).build();
    Path file = folder.resolve("leak.ckpt");
    Runnable once =
        () -> {
          trainer.fit(model, List.of(), model.batches.list);
          trainer.lrFind(model, model.batches.list, model.batches.list, LrFinder.builder().build());
          trainer.saveCheckpoint(file);
          trainer.restore(file);
        };
    once.run();
    once.run();
    long before = Pointer.totalCount();
    for (int i = 0; i < 5; i++) {
      once.run();
    }
    assertThat(Pointer.totalCount() - before).isLessThanOrEqualTo(0);
  }
}

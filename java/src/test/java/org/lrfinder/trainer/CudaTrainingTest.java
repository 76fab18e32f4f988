package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.testkit.Cuda;
import org.lrfinder.testkit.OnEachEngine;

/** Trainings on a CUDA device: those of the CPU, to rounding. */
@Tag("cuda")
class CudaTrainingTest extends TrainerFixture {
  private static final double ROUNDING = 1e-9; // of doubles

  @BeforeEach
  void aDevice() {
    Cuda.assumeDevice();
  }

  private static ModelUnderTest onCpuAgain(ModelUnderTest model) {
    model.network.to(new Device("cpu"), false);
    return model;
  }

  @OnEachEngine
  void aTrainingIsThatOfTheCpuAndTellsItsStepsInOrder(EngineChoice engine) {
    List<List<TrainingStep>> heard = new ArrayList<>();
    List<TrainingResult> results = new ArrayList<>();
    List<ModelUnderTest> models = new ArrayList<>();
    for (String device : List.of("cpu", "cuda")) {
      List<TrainingStep> steps = new ArrayList<>();
      ModelUnderTest model = new ModelUnderTest(network(3, false));
      results.add(
          trainer(engine)
              .device(device)
              .listener(
                  new TrainerListener() {
                    @Override
                    public void onStep(TrainingStep step) {
                      steps.add(step);
                    }
                  })
              .build()
              .fit(model));
      heard.add(steps);
      models.add(onCpuAgain(model));
    }
    assertThat(heard.get(1))
        .extracting(TrainingStep::step)
        .containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L);
    for (int i = 0; i < heard.get(0).size(); i++) {
      TrainingStep expected = heard.get(0).get(i);
      TrainingStep step = heard.get(1).get(i);
      assertThat(step.lr()).isEqualTo(expected.lr());
      assertThat(step.loss()).isCloseTo(expected.loss(), within(ROUNDING));
    }
    assertThat(results.get(1).trainLoss()).isCloseTo(results.get(0).trainLoss(), within(ROUNDING));
    assertClose(models.get(1).network, models.get(0).network, ROUNDING);
    EngineInfo info = results.get(1).engine().orElseThrow();
    assertThat(info.device()).isEqualTo("cuda:0");
    assertThat(info.path())
        .isIn(engine == EngineChoice.NATIVE ? List.of("late", "graph") : List.of("immediate"));
  }

  @OnEachEngine
  void aCheckpointSavedWhenAStepIsToldHasTheStepsDoneMeanwhile(EngineChoice engine) {
    ModelUnderTest whole = new ModelUnderTest(network(4, false));
    trainer(engine).device("cuda").build().fit(whole);
    Path file = folder.resolve("third.pt");
    ModelUnderTest broken = new ModelUnderTest(network(4, false));
    Trainer[] trainer = {null};
    trainer[0] =
        trainer(engine)
            .device("cuda")
            .listener(
                new TrainerListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    if (step.step() == 3) {
                      trainer[0].saveCheckpoint(file);
                      trainer[0].stop();
                    }
                  }
                })
            .build();
    TrainingResult stopped = trainer[0].fit(broken);
    assertThat(stopped.steps()).isBetween(3L, 7L);
    ModelUnderTest resumed = new ModelUnderTest(network(4, false));
    Trainer second = trainer(engine).device("cuda").build();
    second.restore(file);
    assertThat(second.fit(resumed).steps()).isEqualTo(10);
    assertClose(onCpuAgain(resumed).network, onCpuAgain(whole).network, ROUNDING);
  }

  @OnEachEngine
  void theRateIsFoundAndUsedThere(EngineChoice engine) {
    ModelUnderTest model = new ModelUnderTest(network(5, false));
    TrainingResult result = trainer(engine).device("cuda").autoLrFind(true).build().fit(model);
    assertThat(result.lrFind().orElseThrow().engine().device()).isEqualTo("cuda:0");
    assertThat(result.trainLoss()).isPositive();
  }
}

package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.OnEachEngine;

/** What a training logs, prints and hands to listeners. */
class TrainingLogTest extends TrainerFixture {
  @OnEachEngine
  void validationIsInEvalModeAndLogged(EngineChoice engine) throws IOException {
    ModelUnderTest model = new ModelUnderTest(network(9, true));
    List<TrainingEpoch> epochs = new ArrayList<>();
    List<Boolean> modes = new ArrayList<>();
    Trainer trainer =
        trainer(engine)
            .logEverySteps(2)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onEpochEnd(TrainingEpoch epoch) {
                    epochs.add(epoch);
                    for (long i = 0; i < model.network.modules().size(); i++) {
                      modes.add(model.network.modules().get(i).is_training());
                    }
                  }
                })
            .build();
    TrainingResult result = trainer.fit(model, List.of(), model.batches.list);

    model.network.eval();
    double expected =
        model.batches.list.stream()
            .mapToDouble(
                batch ->
                    torch
                        .cross_entropy_loss(model.network.forward(batch.input()), batch.target())
                        .item_double())
            .average()
            .orElseThrow();
    assertThat(result.validationLoss().orElseThrow()).isCloseTo(expected, within(1e-12));
    assertThat(epochs).extracting(TrainingEpoch::epoch).containsExactly(0L, 1L);
    assertThat(modes).startsWith(true, true, true, true, true, false, true); // one was in eval mode
    List<String> metrics =
        Files.readAllLines(folder.resolve("lrfinder_logs/version_0/metrics.csv"));
    assertThat(metrics.get(0)).isEqualTo("epoch,step,lr,train_loss,train_loss_epoch,val_loss");
    assertThat(
            metrics.stream()
                .skip(1)
                .map(
                    line ->
                        line.replaceAll("0\\.0?0?1,", "").replaceAll("\\d\\.\\d+(E-\\d+)?", "x")))
        .containsExactly(
            "0,2,x,,", "0,4,x,,", "0,5,,x,x", "1,6,x,,", "1,8,x,,", "1,10,x,,", "1,10,,x,x");
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .hasSize(2)
        .allSatisfy(
            line ->
                assertThat(line)
                    .matches("epoch [12]/2: loss [\\d.]+, lr 1.000e-03, validation loss [\\d.]+"));
  }

  @Test
  void eachTrainingLogsToAFolderOfItsOwn() {
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    trainer.fit(new ModelUnderTest());
    trainer.fit(new ModelUnderTest());
    assertThat(folder.resolve("lrfinder_logs"))
        .isDirectoryContaining("glob:**version_0")
        .isDirectoryContaining("glob:**version_1");
  }

  @Test
  void aLoggersFailuresAreBothHeard() {
    MetricsLogger failing =
        new MetricsLogger() {
          @Override
          public void hyperparameters(Map<String, Object> values) {
            throw new IllegalStateException("cannot log");
          }

          @Override
          public void metrics(Metrics row) {}

          @Override
          public void end() {
            throw new IllegalStateException("cannot end");
          }
        };
    ModelUnderTest model = new ModelUnderTest();
    Trainer trainer = trainer(EngineChoice.AUTO).autoLrFind(true).logger(failing).build();
    assertThatThrownBy(() -> trainer.fit(model))
        .hasMessage("cannot log")
        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
    assertThat(model.batches.drawn).as("before the sweep").isZero();
  }

  @Test
  void theCsvLoggerSaysWhereItsFilesAre() {
    CsvLogger logger = new CsvLogger(folder);
    assertThat(logger.folder()).isEmpty();
    trainer(EngineChoice.AUTO).logger(logger).build().fit(new ModelUnderTest());
    assertThat(logger.folder()).contains(folder.resolve("lrfinder_logs/version_0"));
    assertThat(logger.folder().orElseThrow()).isDirectoryContaining("glob:**metrics.csv");
    assertThat(folder.resolve("lrfinder_logs/version_1")).doesNotExist();
  }

  @Test
  void aBarIsDrawnOnLinesOfItsOwn() {
    trainer(EngineChoice.AUTO)
        .progressBar(true)
        .autoLrFind(true)
        .build()
        .fit(new ModelUnderTest(), List.of(), new ModelUnderTest().batches.list);
    String drawn = printed.toString(StandardCharsets.UTF_8);
    assertThat(
            Stream.of(drawn.split("\n"))
                .map(line -> line.substring(line.lastIndexOf('\r') + 1))
                .toList())
        .hasSize(4)
        .satisfiesExactly(
            line -> assertThat(line).startsWith("finding a learning rate"),
            line -> assertThat(line).startsWith("learning rate finder: field lr set to "),
            line -> assertThat(line).startsWith("epoch 1/2").contains("loss ", "validation loss "),
            line -> assertThat(line).startsWith("epoch 2/2").contains("loss ", "validation loss "));
  }
}

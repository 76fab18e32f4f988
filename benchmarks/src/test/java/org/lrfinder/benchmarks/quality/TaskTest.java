package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lrfinder.internal.models.Network;
import org.lrfinder.sweep.Loss;

class QualityTaskTest {
  private static final Path TASKS = Path.of("tasks");
  private static final Path DATA = Path.of("../java/src/data");

  @TempDir Path temporary;

  @ParameterizedTest
  @CsvSource({"public, 45", "noisy, 30"})
  void everyTaskIsReadAndForwardsItsData(String folder, int count) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(TASKS.resolve(folder))) {
      files = all.filter(file -> file.toString().contains("--")).toList();
    }
    assertThat(files).hasSize(count);
    for (Path file : files) {
      QualityTask task = new QualityTask(file, DATA);
      Network network = task.network(1);
      assertThat(task.optimizer(network, 0.25).param_groups().get(0).options().get_lr())
          .isEqualTo(0.25);
      Tensor output = network.module().forward(task.validation().input());
      assertThat(output.size(0)).isEqualTo(task.validation().target().numel());
      assertThat(task.startLoss(1)).as(task.name()).isFinite().isPositive();
    }
  }

  @Test
  void aQuarterValidatesColumnsAreStandardisedAndSeedsRepeat() throws IOException {
    QualityTask task = task("public/digits-mlp--sgdm");
    assertThat(task.validation().target().numel()).isEqualTo(450);
    assertThat(task.validation().input().mean().item_double()).isCloseTo(0, within(0.05));
    assertThat(task.validation().input().isfinite().all().item_bool()).isTrue();
    assertThat(firstWeight(task, 1))
        .isEqualTo(firstWeight(task, 1))
        .isNotEqualTo(firstWeight(task, 2));
  }

  @Test
  void targetsOfARegressionAreStandardisedToo() throws IOException {
    QualityTask task = task("noisy/diabetes-mlp-b4--sgd");
    assertThat(task.loss()).isEqualTo(Loss.MSE);
    Tensor targets = task.validation().target();
    assertThat(targets.size(1)).isEqualTo(1);
    assertThat(targets.mean().item_double()).isCloseTo(0, within(0.2));
    assertThat(targets.std().item_double()).isCloseTo(1, within(0.2));
  }

  @Test
  void fineTuningStartsFromItsWeights() throws IOException {
    QualityTask task = task("public/digits-finetune--sgd");
    assertThat(firstWeight(task, 1))
        .isEqualTo(firstWeight(task, 2))
        .isCloseTo(0.219213, within(1e-6));
  }

  @Test
  void trainingAtAGoodRateLearnsAndAtAnAbsurdOneEndsInNaN() throws IOException {
    QualityTask task = task("noisy/diabetes-mlp-b4--sgd");
    assertThat(task.train(0.03, 1)).isLessThan(0.8 * task.startLoss(1));
    assertThat(task.train(0, 1)).isEqualTo(task.startLoss(1));
    assertThat(task.train(1e3, 1)).isNaN();
  }

  @Test
  void theContentHashIsOfTextDataAndParameters() throws IOException {
    for (String file : List.of("digits_5_9.csv.gz", "digits_0_4-cnn.params.json")) {
      Files.copy(TASKS.resolve("public").resolve(file), temporary.resolve(file));
    }
    Path copy = temporary.resolve("task.json");
    Files.copy(TASKS.resolve("public/digits-finetune--sgd.json"), copy);
    String original = task("public/digits-finetune--sgd").contentHash();
    assertThat(new QualityTask(copy, DATA).contentHash()).isEqualTo(original);

    String text = Files.readString(copy);
    Files.writeString(copy, text.replace("\"steps\": 300", "\"steps\": 200"));
    assertThat(new QualityTask(copy, DATA).contentHash()).isNotEqualTo(original);
    Files.writeString(copy, text);

    Path parameters = temporary.resolve("digits_0_4-cnn.params.json");
    String saved = Files.readString(parameters);
    Files.writeString(parameters, saved.replaceFirst("0\\.219213", "0.319213"));
    assertThat(new QualityTask(copy, DATA).contentHash()).isNotEqualTo(original);
    Files.writeString(parameters, saved);

    Files.copy(
        TASKS.resolve("noisy/digits_noisy.csv.gz"),
        temporary.resolve("digits_5_9.csv.gz"),
        StandardCopyOption.REPLACE_EXISTING);
    assertThat(new QualityTask(copy, DATA).contentHash()).isNotEqualTo(original);
  }

  @Test
  void anOptionThatIsNotKnownIsRefused() throws IOException {
    Path copy = temporary.resolve("task.json");
    Files.writeString(
        copy,
        Files.readString(TASKS.resolve("public/digits-logistic--sgdm.json"))
            .replace("momentum", "damping"));
    QualityTask task = new QualityTask(copy, DATA);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.optimizer(task.network(1), 1e-3))
        .withMessageContaining("damping");
  }

  private static QualityTask task(String name) throws IOException {
    return new QualityTask(TASKS.resolve(name + ".json"), DATA);
  }

  private static double firstWeight(QualityTask task, long seed) {
    return task.network(seed).module().parameters().get(0).flatten().get(0).item_double();
  }
}

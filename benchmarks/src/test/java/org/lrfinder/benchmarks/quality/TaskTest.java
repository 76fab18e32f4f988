package org.lrfinder.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;

class TaskTest {
  private static final Path TASKS = Path.of("tasks");
  private static final Path DATA = Path.of("../java/src/data");

  @TempDir Path temporary;

  @ParameterizedTest
  @CsvSource({"public, 45", "noisy, 30", "unseen, 70", "shifted, 35"})
  void everyTaskIsReadAndForwardsItsData(String folder, int count) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(TASKS.resolve(folder))) {
      files = all.filter(file -> file.toString().contains("--")).toList();
    }
    assertThat(files).hasSize(count);
    for (Path file : files) {
      Task task = new Task(file, DATA);
      TaskNetwork network = task.network(1);
      assertThat(task.optimizer(network, 0.25).param_groups().get(0).options().get_lr())
          .isEqualTo(0.25);
      Tensor output = network.forward(task.validation().input());
      assertThat(output.size(0)).isEqualTo(task.validation().target().numel());
      assertThat(task.startLoss(1)).as(task.name()).isFinite().isPositive();
    }
  }

  @Test
  void aQuarterValidatesColumnsAreStandardisedAndSeedsRepeat() throws IOException {
    Task task = task("public/digits-mlp--sgdm");
    assertThat(task.validation().target().numel()).isEqualTo(450);
    assertThat(task.validation().input().mean().item_double()).isCloseTo(0, within(0.05));
    assertThat(task.validation().input().isfinite().all().item_bool()).isTrue();
    assertThat(firstWeight(task, 1))
        .isEqualTo(firstWeight(task, 1))
        .isNotEqualTo(firstWeight(task, 2));
  }

  @Test
  void targetsOfARegressionAreStandardisedToo() throws IOException {
    Task task = task("noisy/diabetes-mlp-b4--sgd");
    Tensor targets = task.validation().target();
    assertThat(targets.size(1)).isEqualTo(1);
    assertThat(targets.mean().item_double()).isCloseTo(0, within(0.2));
    assertThat(targets.std().item_double()).isCloseTo(1, within(0.2));
  }

  @Test
  void fineTuningStartsFromItsWeights() throws IOException {
    Task task = task("public/digits-finetune--sgd");
    assertThat(firstWeight(task, 1))
        .isEqualTo(firstWeight(task, 2))
        .isCloseTo(0.219213, within(1e-6));
  }

  @Test
  void trainingAtAGoodRateLearnsAndAtAnAbsurdOneEndsInNaN() throws IOException {
    Task task = task("noisy/diabetes-mlp-b4--sgd");
    assertThat(trained(task, 0.03)).hasSize(3).endsWith(last(trained(task, 0.03)));
    assertThat(last(trained(task, 0.03))).isLessThan(0.8 * task.startLoss(1));
    assertThat(trained(task, 0)).containsOnly(task.startLoss(1));
    assertThat(trained(task, 1e3)).hasSizeLessThan(3);
  }

  @Test
  void aNetworkOfJavaIsSweptAsItIsTrained() throws IOException {
    Task task = task("unseen/text-embedding--adam");
    double[] rates = new double[30];
    Arrays.setAll(rates, i -> 1e-5 * Math.pow(10, i / 10.0));
    LrFinderResult found =
        LrFinder.builder()
            .engine(EngineChoice.NATIVE)
            .threads(1)
            .minLr(rates[0])
            .maxLr(rates[29])
            .steps(30)
            .build()
            .find(task.learner(3).sweepTask());
    assertThat(found.replay().steps()).isPositive();
    double[] followed = task.sweep(rates, 3);
    for (int i = 0; i < found.results().size(); i++) {
      assertThat(found.results().loss(i)).isCloseTo(followed[i], withinPercentage(1e-3));
    }
  }

  @Test
  void aLossInAnotherUnitAndWeightsOfAnotherSizeAreWhatTheySay() throws IOException {
    double own = task("public/digits-mlp--sgd").startLoss(1);
    assertThat(task("shifted/digits-mlp-loss-x100--sgd").startLoss(1) / own)
        .isCloseTo(100, within(1e-3));
    assertThat(
            firstWeight(task("shifted/digits-mlp-weights-x10--sgd"), 1)
                / firstWeight(task("public/digits-mlp--sgd"), 1))
        .isCloseTo(10, within(1e-4));
  }

  @Test
  void aZeroHeadSaysNothingYetAndNarrowMatricesChangeNothingYet() throws IOException {
    assertThat(task("unseen/digits-logistic-zero--sgd").startLoss(1))
        .isCloseTo(Math.log(10), within(1e-5));
    TaskNetwork network = task("unseen/digits-low-rank--sgd").network(1);
    assertThat(network.trained().size()).isEqualTo(12);
    assertThat(network.module().parameters().size()).isEqualTo(18);
  }

  private static double[] trained(Task task, double lr) {
    return task.train(new Schedule(Schedule.Shape.DECAY, lr), 300, 1, 100);
  }

  private static double last(double[] losses) {
    return losses[losses.length - 1];
  }

  @Test
  void theContentHashIsOfTextDataAndParameters() throws IOException {
    for (String file : List.of("digits_5_9.csv.gz", "digits_0_4-cnn.params.json")) {
      Files.copy(TASKS.resolve("public").resolve(file), temporary.resolve(file));
    }
    Path copy = temporary.resolve("task.json");
    Files.copy(TASKS.resolve("public/digits-finetune--sgd.json"), copy);
    String original = task("public/digits-finetune--sgd").contentHash();
    assertThat(new Task(copy, DATA).contentHash()).isEqualTo(original);

    String text = Files.readString(copy);
    Files.writeString(copy, text.replace("\"steps\": 300", "\"steps\": 200"));
    assertThat(new Task(copy, DATA).contentHash()).isNotEqualTo(original);
    Files.writeString(copy, text);

    Path parameters = temporary.resolve("digits_0_4-cnn.params.json");
    String saved = Files.readString(parameters);
    Files.writeString(parameters, saved.replaceFirst("0\\.219213", "0.319213"));
    assertThat(new Task(copy, DATA).contentHash()).isNotEqualTo(original);
    Files.writeString(parameters, saved);

    Files.copy(
        TASKS.resolve("noisy/digits_noisy.csv.gz"),
        temporary.resolve("digits_5_9.csv.gz"),
        StandardCopyOption.REPLACE_EXISTING);
    assertThat(new Task(copy, DATA).contentHash()).isNotEqualTo(original);
  }

  @Test
  void anOptionThatIsNotKnownIsRefused() throws IOException {
    Path copy = temporary.resolve("task.json");
    Files.writeString(
        copy,
        Files.readString(TASKS.resolve("public/digits-logistic--sgdm.json"))
            .replace("momentum", "damping"));
    Task task = new Task(copy, DATA);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.optimizer(task.network(1), 1e-3))
        .withMessageContaining("damping");
  }

  private static Task task(String name) throws IOException {
    return new Task(TASKS.resolve(name + ".json"), DATA);
  }

  private static double firstWeight(Task task, long seed) {
    return task.network(seed).module().parameters().get(0).flatten().get(0).item_double();
  }
}

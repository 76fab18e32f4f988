package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.lrfinder.cli.Network;

class QualityTaskTest {
  private static final Path TASKS = Path.of("tasks");

  @Test
  void everyTaskIsReadAndForwardsItsData() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(TASKS)) {
      files = all.filter(file -> file.toString().contains("--")).toList();
    }
    assertThat(files).hasSize(30);
    for (Path file : files) {
      QualityTask task = new QualityTask(file);
      Network network = task.network(1);
      assertThat(task.optimizer(network, 0.25).param_groups().get(0).options().get_lr())
          .isEqualTo(0.25);
      Tensor output = network.module().forward(task.validationInputs);
      assertThat(output.size(0)).isEqualTo(task.validationTargets.numel());
      assertThat(output.size(1)).isEqualTo(10);
    }
  }

  @Test
  void aQuarterValidatesColumnsAreStandardisedAndSeedsRepeat() throws IOException {
    QualityTask task = new QualityTask(TASKS.resolve("digits-mlp--sgdm.json"));
    assertThat(task.validationTargets.numel()).isEqualTo(450);
    assertThat(task.validationInputs.mean().item_double()).isCloseTo(0, within(0.05));
    assertThat(task.validationInputs.isfinite().all().item_bool()).isTrue();
    assertThat(firstWeight(task, 1))
        .isEqualTo(firstWeight(task, 1))
        .isNotEqualTo(firstWeight(task, 2));
  }

  @Test
  void fineTuningStartsFromItsWeights() throws IOException {
    QualityTask task = new QualityTask(TASKS.resolve("digits-finetune--sgd.json"));
    assertThat(firstWeight(task, 1))
        .isEqualTo(firstWeight(task, 2))
        .isCloseTo(0.219213, within(1e-6));
  }

  private static double firstWeight(QualityTask task, long seed) throws IOException {
    return task.network(seed).module().parameters().get(0).flatten().get(0).item_double();
  }
}

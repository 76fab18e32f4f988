package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class SuggestionQualityTest {
  @TempDir Path temporary;

  @BeforeEach
  void aTaskOfFewSteps() throws IOException {
    String task = Files.readString(Path.of("tasks/noisy/diabetes-mlp-b4--sgd.json"));
    Files.createDirectory(temporary.resolve("short"));
    Files.writeString(temporary.resolve("short/diabetes--sgd.json"), task.replace("300", "40"));
    Files.writeString(temporary.resolve("short/notes.json"), "no task");
  }

  @Test
  void aSecondRunTrainsNothingAndSaysTheSame() throws IOException {
    String first = run(true);
    assertThat(first)
        .contains(
            "| short, 1 tasks | steps |",
            "| middle-of-fall | 30 |",
            "| short/diabetes-mlp-b4--sgd |")
        .contains(" of 2 |");
    assertThat(run(false)).isEqualTo(first);
    try (Stream<Path> kept = Files.list(temporary.resolve("truth"))) {
      assertThat(kept).hasSize(1);
    }
  }

  @Test
  void aTaskThatChangesIsTrainedAnew() throws IOException {
    run(true);
    Path task = temporary.resolve("short/diabetes--sgd.json");
    Files.writeString(task, Files.readString(task).replace("40", "41"));
    run(true);
  }

  private String run(boolean trains) {
    StringWriter console = new StringWriter();
    StringWriter progress = new StringWriter();
    int exit =
        new CommandLine(new SuggestionQuality())
            .setOut(new PrintWriter(console))
            .setErr(new PrintWriter(progress))
            .execute(
                "--tasks=" + temporary.resolve("short"),
                "--data=../java/src/data",
                "--truth=" + temporary.resolve("truth"),
                "--steps=30",
                "--seeds=2");
    assertThat(exit).as(progress.toString()).isZero();
    assertThat(progress.toString().contains("training diabetes-mlp-b4--sgd")).isEqualTo(trains);
    return console.toString();
  }
}

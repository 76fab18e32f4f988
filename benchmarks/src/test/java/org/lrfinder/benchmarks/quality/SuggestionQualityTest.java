package org.lrfinder.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SuggestionQualityTest {
  @TempDir Path temporary;

  @BeforeEach
  void aTaskOfFewSteps() throws IOException {
    String task = Files.readString(Path.of("tasks/noisy/diabetes-mlp-b4--sgd.json"));
    Files.createDirectory(temporary.resolve("short"));
    Files.writeString(temporary.resolve("short/diabetes--sgd.json"), task.replace("300", "20"));
    Files.writeString(temporary.resolve("short/notes.json"), "no task");
  }

  @Test
  void aSecondRunTrainsNothingAndSaysTheSame() throws IOException {
    String first = run(true);
    assertThat(first)
        .contains(
            "| short, 1 tasks of 1 networks | steps |",
            "| lrfinder find |",
            "| lrfinder | 30 |",
            "| Lightning 2.6.6 | 30 |",
            "| short/diabetes-mlp-b4--sgd |");
    assertThat(temporary.resolve("out"))
        .isDirectoryContaining("glob:**suggestions.png")
        .isDirectoryContaining("glob:**suggestions.csv.gz");
    // But the times are the first ones too: nothing was swept again.
    assertThat(run(false)).isEqualTo(first);
    try (Stream<Path> kept = Files.list(temporary.resolve("work/truth"))) {
      assertThat(kept).hasSize(1);
    }
  }

  @Test
  void aTaskThatChangesIsTrainedAnew() throws IOException {
    run(true);
    Path task = temporary.resolve("short/diabetes--sgd.json");
    Files.writeString(task, Files.readString(task).replace("20", "21"));
    run(true);
  }

  @Test
  void processesShareTheTasks() throws IOException {
    Files.writeString(
        temporary.resolve("short/diabetes--adam.json"),
        Files.readString(temporary.resolve("short/diabetes--sgd.json"))
            .replace("--sgd", "--adam")
            .replace("\"sgd\"", "\"adam\""));
    assertThat(run("--jobs=2", "--repeats=2")).contains("diabetes-mlp-b4--adam |", "of 2 |");
  }

  @Test
  void theCommandLinesAnswerIsThatOfItsDefaults() throws IOException {
    Process help =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElse("java"),
                "-cp",
                System.getProperty("java.class.path"),
                "org.lrfinder.cli.Main",
                "find",
                "--help")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String said = new String(help.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(said.replaceAll("\\s+", " "))
        .contains(
            "First learning rate. Default: " + Measurement.FIRST,
            "Last learning rate. Default: " + Measurement.LAST,
            "Default: %d where a closer one follows".formatted(Measurement.STEPS),
            "Default: %d where the first shows".formatted(Measurement.BUDGET));
  }

  private String run(boolean trains) {
    StringWriter progress = new StringWriter();
    String said = run(progress, "--jobs=1");
    assertThat(progress.toString()).contains("1 of 1: diabetes-mlp-b4--sgd, ");
    assertThat(progress.toString().contains(" 0.0 s trained, 0.0 s swept")).isNotEqualTo(trains);
    return said;
  }

  private String run(String... more) {
    return run(new StringWriter(), more);
  }

  private String run(StringWriter progress, String... more) {
    StringWriter console = new StringWriter();
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--tasks=" + temporary.resolve("short"),
                "--data=../java/src/data",
                "--work=" + temporary.resolve("work"),
                "--out=" + temporary.resolve("out"),
                "--steps=30",
                "--seeds=2"));
    arguments.addAll(List.of(more));
    int exit =
        SuggestionQuality.commandLine()
            .setOut(new PrintWriter(console))
            .setErr(new PrintWriter(progress))
            .execute(arguments.toArray(String[]::new));
    assertThat(exit).as(progress.toString()).isZero();
    return console.toString();
  }
}

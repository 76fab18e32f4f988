package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.StepFunction;
import picocli.CommandLine;

class ConfidentAnswersTest {
  @TempDir Path temporary;

  @Test
  void printsAndWritesTheTablesThatWereAskedFor() throws IOException {
    Path file = temporary.resolve("report.md");
    StringWriter console = new StringWriter();
    int exit =
        new CommandLine(new ConfidentAnswers())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setOut(new PrintWriter(console))
            .execute("--only", "f", "--out", file.toString());
    assertThat(exit).isZero();
    assertThat(Files.readString(file))
        .isEqualTo(console.toString())
        .contains(
            "- machine: ", "ConfidentAnswers --only f", "\nF. ", "| flat noise, whole | 500 |")
        .doesNotContain("\nA. ", "\nE. ");
  }

  @Test
  void answersAreCountedByStatusAndRate() {
    LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).build();
    LrFinderResult fallen = finder.find(StepFunction.of(new MadeCurve(-3, 0, 0)::loss));
    LrFinderResult flat = finder.find(StepFunction.of(lr -> 1 + 1e-3 * Math.sin(1e9 * lr)));
    assertThat(fallen.status()).isEqualTo(Status.OK);
    double lr = fallen.suggestion().orElseThrow().lr();

    Answers answers =
        new Answers(IntStream.range(0, 5).mapToObj(i -> i < 2 ? fallen : flat).toList());
    assertThat(answers.count(Status.OK)).isEqualTo(2);
    assertThat(answers.rates(rate -> rate < 2 * lr)).isEqualTo(2);
    assertThat(answers.rates(rate -> rate < lr / 2)).isZero();
    assertThat(answers.medianRate()).isEqualTo(Answers.rate(lr));
    assertThat(answers.others()).isEqualTo(flat.status() + " 3");
    assertThat(new Answers(List.of(fallen)).others()).isEqualTo("-");
    assertThat(new Answers(List.of(flat)).medianRate()).isEqualTo("-");
  }
}

package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.Comparison;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.export.ResultJson;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.OwnJvm;
import picocli.CommandLine;

class ReportCommandTest {
  private static final Path DATA = Path.of(System.getProperty("lrfinder.data", "src/data"));

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir private Path folder;

  private int run(Object... arguments) {
    CommandLine commandLine = Main.commandLine();
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    return Main.run(commandLine, Stream.of(arguments).map(Object::toString).toArray(String[]::new));
  }

  private Path stored(String name, double start) throws IOException {
    double[] weight = {start};
    LrFinderResult found =
        LrFinder.builder()
            .minLr(1e-4)
            .maxLr(100)
            .build()
            .find(
                StepFunction.of(
                    lr -> {
                      double loss = weight[0] * weight[0];
                      weight[0] -= lr * 2 * weight[0];
                      return loss;
                    }));
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    ResultJson.write(found, file);
    return file;
  }

  @Test
  void aStoredResultIsReportedLater() throws IOException {
    Path result = stored("lr.json", 5);
    Path page = folder.resolve("new").resolve("page.html");
    assertThat(run("report", result, "--out", page)).isZero();
    assertThat(page).hasContent(ResultJson.read(result).report().html());
    assertThat(out.toString()).isEqualToIgnoringNewLines("wrote " + page);
    assertThat(run("report", result, "--out", page, "--title", "Wine")).isZero();
    assertThat(page).content().contains("<h1>Wine</h1>");
  }

  @Test
  void severalLieOverOneAnotherByTheirNames() throws IOException {
    Path first = stored("first.json", 5);
    Path second = stored("second.json", 50);
    Path page = folder.resolve("page.html");
    assertThat(run("report", first, second, "--out", page)).isZero();
    assertThat(page)
        .hasContent(
            new Comparison(
                    List.of(
                        new Comparison.Entry("first.json", ResultJson.read(first)),
                        new Comparison.Entry("second.json", ResultJson.read(second))))
                .report()
                .html());
  }

  @Test
  void namesAreToldApart() {
    List<Path> same = List.of(Path.of("a", "lr.json"), Path.of("b", "lr.json"));
    assertThat(ReportCommand.names(same)).containsExactly("a/lr.json", "b/lr.json");
    List<Path> twice = List.of(Path.of("lr.json"), Path.of("lr.json"), Path.of("lr.json (2)"));
    assertThat(ReportCommand.names(twice))
        .containsExactly("lr.json", "lr.json (2)", "lr.json (2) (2)");
    assertThat(ReportCommand.names(List.of(Path.of("a", "x.json"), Path.of("b", "y.json"))))
        .containsExactly("x.json", "y.json");
  }

  @Test
  void whatIsNoResultIsRefusedAndNothingIsWritten() throws IOException {
    Path good = stored("good.json", 5);
    Path damaged = folder.resolve("damaged.json");
    Files.writeString(damaged, Files.readString(good).substring(0, 500));
    Path foreign = Files.writeString(folder.resolve("foreign.json"), "[1, 2]");
    Path missing = folder.resolve("missing.json");
    Path page = folder.resolve("made").resolve("page.html");
    for (Path bad : List.of(damaged, foreign, missing, folder)) {
      err.getBuffer().setLength(0);
      assertThat(run("report", good, bad, "--out", page)).isEqualTo(Main.INPUT);
      assertThat(err.toString()).startsWith("lrfinder: ").contains(bad.toString()).hasLineCount(1);
    }
    assertThat(page.getParent()).doesNotExist();
    assertThat(run("report", "--out", page)).isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains("RESULT.json");
  }

  @Test
  void aPlaceThatCannotBeWrittenToIsRefused() throws IOException {
    Path good = stored("good.json", 5);
    String before = Files.readString(good);
    assertThat(run("report", good, "--out", good)).isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains("--out is " + good + ", which is one of the results");
    assertThat(good).hasContent(before);
    assertThat(run("report", good, "--out", folder)).isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains("--out is " + folder + ", a folder, but must be a file");
    assertThat(run("report", good, "--out", good.resolve("page.html"))).isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains("--out: cannot make the folder " + good);
  }

  @Test
  void libtorchIsNotNeeded() throws Exception {
    Path result = stored("lr.json", 5);
    Path page = folder.resolve("page.html");
    List<String> withoutLibtorch =
        OwnJvm.classPath().stream()
            .filter(entry -> !entry.matches(".*(pytorch|openblas|mkl)-.*-linux-x86_64.*\\.jar"))
            .toList();
    assertThat(withoutLibtorch).hasSizeLessThan(OwnJvm.classPath().size());
    OwnJvm.run(
        withoutLibtorch,
        List.of(),
        Main.class,
        "report",
        result.toString(),
        "--out",
        page.toString());
    assertThat(page).hasContent(ResultJson.read(result).report().html());
  }

  @Test
  void findWritesAReportBesideWhatElseItWrites() throws IOException {
    Path data = DATA.resolve("wine.csv.gz");
    Path files = folder.resolve("files");
    Path page = folder.resolve("pages").resolve("page.html");
    assertThat(
            run(
                "find",
                "--data",
                data,
                "--target",
                "target",
                "--json",
                "--out",
                files,
                "--report",
                page))
        .isZero();
    LrFinderResult found = ResultJson.fromJson(out.toString());
    assertThat(page).hasContent(found.report().html());
    assertThat(err.toString()).contains("wrote " + page);
    assertThat(files.resolve("lr.json")).exists();
    assertThat(
            run(
                "find",
                "--data",
                data,
                "--target",
                "target",
                "--steps",
                60,
                "--compare",
                "batch-size=16,32",
                "--report",
                page))
        .isIn(0, Main.NO_SUGGESTION);
    assertThat(page).content().contains("<bdi>batch-size 16</bdi>", "<bdi>batch-size 32</bdi>");
  }

  @Test
  void aReportThatCannotBeWrittenIsRefusedBeforeTheSweep() {
    Path missing = folder.resolve("missing.csv");
    assertThat(run("find", "--data", missing, "--target", "y", "--report", folder))
        .isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains("--report is " + folder + ", a folder, but must be a file");
    err.getBuffer().setLength(0);
    assertThat(run("demo", "--out", folder.resolve("demo"), "--report", folder))
        .isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains("--report is ");
  }
}

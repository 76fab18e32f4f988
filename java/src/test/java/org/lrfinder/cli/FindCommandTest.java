package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.Attempt;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.export.ResultJson;
import org.lrfinder.internal.engine.SweptOptimizer;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.Cuda;
import picocli.CommandLine;

class FindCommandTest {
  private static final Path DATA = Path.of(System.getProperty("lrfinder.data", "src/data"));

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir private Path folder;

  private int find(Object... arguments) {
    CommandLine commandLine = Main.commandLine();
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    return Main.run(
        commandLine,
        Stream.concat(Stream.of("find"), Stream.of(arguments).map(Object::toString))
            .toArray(String[]::new));
  }

  private Path csv(String content) throws IOException {
    return Files.writeString(folder.resolve("data.csv"), content, StandardCharsets.UTF_8);
  }

  /** Two classes that one column tells apart, with the target in the middle. */
  private static String separable(String end, int rows) {
    StringBuilder text = new StringBuilder("a,kind,\"b, quoted\"" + end);
    for (int i = 0; i < rows; i++) {
      text.append(i % 2 == 0 ? "1.5" : "-1.5")
          .append(i % 2 == 0 ? ",yes," : ",no,")
          .append('"')
          .append(i)
          .append(".25\"")
          .append(end);
    }
    return text.toString();
  }

  @ParameterizedTest
  @CsvSource({
    "digits, '1797 rows, 64 inputs, 10 classes'",
    "breast_cancer, '569 rows, 30 inputs, 2 classes'",
    "wine, '178 rows, 13 inputs, 3 classes'",
    "diabetes, '442 rows, 10 inputs, a number to predict'"
  })
  void findsARateOnRealData(String name, String summary) throws IOException {
    Path results = folder.resolve("results");
    int code =
        find("--data", DATA.resolve(name + ".csv.gz"), "--target", "target", "--out", results);
    assertThat(err.toString()).isEmpty();
    assertThat(code).isZero();
    assertThat(out.toString())
        .contains(summary)
        .contains("suggested learning rate: ")
        .contains("learning rate  ");
    try (Stream<Path> files = Files.list(results)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("lr.png", "lr.svg", "lr.csv", "lr.json");
    }
    LrFinderResult found = ResultJson.read(results.resolve("lr.json"));
    assertThat(out.toString())
        .contains(String.format(Locale.ROOT, "%.3e", found.suggestion().orElseThrow().lr()));
  }

  @Test
  void jsonIsOneObjectAndNothingElse() {
    int code =
        find(
            "--data",
            DATA.resolve("wine.csv.gz"),
            "--target",
            "target",
            "--json",
            "--out",
            folder.resolve("j"));
    assertThat(code).isZero();
    assertThat(out.toString().strip().lines()).hasSize(1);
    LrFinderResult found = ResultJson.fromJson(out.toString());
    assertThat(found).isEqualTo(ResultJson.read(folder.resolve("j").resolve("lr.json")));
    assertThat(found.attempts())
        .extracting(Attempt::minLr, Attempt::steps)
        .contains(tuple(1e-7, 60));
    assertThat(found.suggestion().orElseThrow().interval()).isPresent();
  }

  @Test
  void theSameSeedGivesTheSameCurve() {
    find("--data", DATA.resolve("wine.csv.gz"), "--target", "target", "--json", "--threads", 1);
    String first = out.toString();
    out.getBuffer().setLength(0);
    find("--data", DATA.resolve("wine.csv.gz"), "--target", "target", "--json", "--threads", 1);
    assertThat(out.toString()).isEqualTo(first);
    out.getBuffer().setLength(0);
    find(
        "--data",
        DATA.resolve("wine.csv.gz"),
        "--target",
        "target",
        "--json",
        "--threads",
        1,
        "--seed",
        2);
    assertThat(out.toString()).isNotEqualTo(first);
  }

  @ParameterizedTest
  @EnumSource
  void everyOptimizerCanBeNamedInAnyCase(OptimizerKind optimizer) {
    String name =
        optimizer.name().charAt(0) + optimizer.name().substring(1).toLowerCase(Locale.ROOT);
    assertThat(
            find("--data", DATA.resolve("wine.csv.gz"), "--target", "target", "--optimizer", name))
        .isZero();
  }

  @Test
  void everyOptimizerThatCanBeSweptIsThere() {
    LinearImpl network = new LinearImpl(2, 1);
    assertThat(OptimizerKind.values())
        .extracting(kind -> SweptOptimizer.of(kind.over(network.parameters(), 0.1, Map.of())))
        .contains(SweptOptimizer.values());
  }

  @Test
  void aModelIsReadFromJson() throws IOException {
    Path model =
        Files.writeString(
            folder.resolve("model.json"),
            """
            {"model": [{"type": "linear", "in": 13, "out": 8}, {"type": "batchnorm1d", "features": 8},
                       {"type": "tanh"}, {"type": "linear", "in": 8, "out": 3}]}
            """);
    assertThat(find("--data", DATA.resolve("wine.csv.gz"), "--target", "target", "--model", model))
        .isZero();
  }

  @ParameterizedTest
  @MethodSource("realFiles")
  void csvAsProgramsWriteIt(String what, String content) throws IOException {
    Locale locale = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("ar-EG"));
    try {
      int code =
          find(
              "--data",
              csv(content),
              "--target",
              "kind",
              "--batch-size",
              8,
              "--hidden",
              "8",
              "--json");
      assertThat(err.toString()).isEmpty();
      assertThat(code).isZero();
      assertThat(out.toString()).contains("\"status\":\"OK\"");
    } finally {
      Locale.setDefault(locale);
    }
  }

  static Stream<Arguments> realFiles() {
    return Stream.of(
        Arguments.of("line feeds", separable("\n", 40)),
        Arguments.of("carriage returns", separable("\r\n", 40)),
        Arguments.of("byte order mark", "\uFEFF" + separable("\n", 40)),
        Arguments.of("empty lines at the end", separable("\n", 40) + "\n\n"),
        Arguments.of("no line feed at the end", separable("\n", 40).stripTrailing()));
  }

  @Test
  void aTargetBehindAByteOrderMarkIsFound() throws IOException {
    assertThat(
            find(
                "--data",
                csv("\uFEFFkind,a\nx,1\ny,2\nx,3\ny,4\n"),
                "--target",
                "kind",
                "--batch-size",
                2))
        .isLessThan(2);
  }

  @Test
  void fewerRowsThanABatchMakeOneBatch() throws IOException {
    assertThat(find("--data", csv(separable("\n", 10)), "--target", "kind")).isZero();
    assertThat(err.toString()).contains("has 10 rows, all of which make one batch");
  }

  @Test
  void theDeviceCanBeNamedAndIsRefusedWhereItIsNotThere() throws IOException {
    Path data = csv(separable("\n", 40));
    assertThat(find("--data", data, "--target", "kind", "--device", "cpu")).isZero();
    assertThat(out.toString()).contains("device cpu, ");
    assertThat(find("--data", data, "--target", "kind", "--device", "cuda:x")).isEqualTo(2);
    assertThat(err.toString()).contains("device is cuda:x, but must be cpu, cuda or cuda:N");
    assumeThat(torch.cuda_device_count()).isZero();
    assertThat(find("--data", data, "--target", "kind", "--device", "cuda")).isEqualTo(2);
    assertThat(err.toString()).contains("device is cuda, but libtorch finds no CUDA device: ");
  }

  @Test
  @Tag("cuda")
  void aTableIsSweptOnCuda() throws IOException {
    Cuda.assumeDevice();
    Path data = csv(separable("\n", 40));
    assertThat(find("--data", data, "--target", "kind", "--batch-size", 8, "--device", "cuda"))
        .isZero();
    assertThat(out.toString()).contains("device cuda:0");
  }

  @Test
  void theTaskCanBeOverridden() throws IOException {
    String numbers = "x,y\n" + "1,1\n2,2\n3,3\n4,4\n".repeat(5);
    find("--data", csv(numbers), "--target", "y");
    assertThat(out.toString()).contains("4 classes");
    find("--data", csv(numbers), "--target", "y", "--task", "regression");
    assertThat(out.toString()).contains("a number to predict");
  }

  static Stream<Arguments> badFiles() {
    return Stream.of(
        Arguments.of("", "is empty: a header line and rows are needed"),
        Arguments.of("a,kind\n", "has a header line and no rows"),
        Arguments.of("a,kind\n1,x\n,y\n", "line 3, column a: the cell is empty"),
        Arguments.of("a,kind\n1,x\n2, \n", "line 3, column kind: the cell is empty"),
        Arguments.of(
            "a,kind\n1,x\n2,x\n",
            "column kind: every row has the class x; at least two classes are needed"),
        Arguments.of("a,kind\n1,x\nred,y\n", "line 3, column a: \"red\" is not a finite number"),
        Arguments.of("a,kind\n1,x\nNaN,y\n", "line 3, column a: \"NaN\" is not a finite number"),
        Arguments.of("a,kind\n1,x\n2,y,z\n", "line 3: 3 cells, but the header has 2"),
        Arguments.of("a,b\n1,x\n", "has no column kind; it has a, b"),
        Arguments.of("kind,kind\n1,x\n", "has more than one column kind"),
        Arguments.of("kind\nx\ny\n", "has no column beside the target kind"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("badFiles")
  void aBadFileIsNamedWithItsLineAndColumn(String content, String message) throws IOException {
    Path file = csv(content);
    Path results = folder.resolve("results");
    assertThat(find("--data", file, "--target", "kind", "--out", results, "--json")).isEqualTo(2);
    assertThat(err.toString()).startsWith("lrfinder: " + file).contains(message);
    assertThat(out.toString()).isEmpty();
    assertThat(results).isEmptyDirectory();
  }

  static Stream<Arguments> badModels() {
    return Stream.of(
        Arguments.of("[{\"type\": \"linear\"", "line 1, column 19: Unexpected end-of-input"),
        Arguments.of("{}", "needs an array of layers"),
        Arguments.of(
            "[{\"type\": \"magic\"}]", "layer 0: unknown type \"magic\"; there are linear, conv2d"),
        Arguments.of(
            "[{\"type\": \"linear\", \"in\": 13}]",
            "layer 0: linear needs a whole number \"out\" of at least 1"),
        Arguments.of(
            "[{\"type\": \"linear\", \"in\": 12, \"out\": 3}]",
            "given inputs of shape [32, 13] and type Float it fails: mat1 and mat2"),
        Arguments.of(
            "[{\"type\": \"linear\", \"in\": 13, \"out\": 4}]",
            "its output has the shape [32, 4], but 3 classes in targets of shape [178] need [32, 3]"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("badModels")
  void aBadModelIsNamed(String json, String message) throws IOException {
    Path model = Files.writeString(folder.resolve("model.json"), json);
    assertThat(find("--data", DATA.resolve("wine.csv.gz"), "--target", "target", "--model", model))
        .isEqualTo(2);
    assertThat(err.toString()).startsWith("lrfinder: " + model).contains(message);
  }

  @Test
  void wrongOptionsAreInputErrors() {
    Path wine = DATA.resolve("wine.csv.gz");
    assertThat(find("--data", folder.resolve("none.csv"), "--target", "y")).isEqualTo(2);
    assertThat(err.toString()).contains("there is no file");
    assertThat(find("--data", wine, "--target", "target", "--min-lr", 0)).isEqualTo(2);
    assertThat(err.toString()).contains("--min-lr is 0.0, but must be greater than 0");
    assertThat(find("--data", wine, "--target", "target", "--batch-size", 0)).isEqualTo(2);
    assertThat(err.toString()).contains("--batch-size is 0, but must be at least 1");
    assertThat(find("--data", wine, "--target", "target", "--hidden", "8,0")).isEqualTo(2);
    assertThat(err.toString()).contains("--hidden is [8, 0], but every width must be at least 1");
    assertThat(find("--data", wine)).isEqualTo(2);
    assertThat(err.toString()).contains("--target=COLUMN");
    assertThat(find("--data", wine, "--target", "target", "--model", "m", "--hidden", "8"))
        .isEqualTo(2);
    assertThat(err.toString()).contains("mutually exclusive");
  }

  @Test
  void noSuggestionIsOne() {
    assertThat(wine("--steps", 5, "--no-auto-steps")).isEqualTo(1);
    assertThat(out.toString()).contains("no suggestion: too few points");
  }

  @Test
  void tooFewStepsAreMadeMoreAndTheReportSaysSo() {
    assertThat(wine("--steps", 5)).isZero();
    assertThat(out.toString())
        .contains("swept 1e-07 to 1e+01 in 5 steps: too few points")
        .containsPattern("swept 1e-07 to 1e\\+01, .*, \\d+ of 140 steps");
    assertThat(wine("--steps", 5, "--auto-budget", 50)).isEqualTo(1);
  }

  @Test
  void aRangeThatEndsTooEarlyIsWidened() {
    assertThat(wine("--max-lr", 1e-4, "--no-auto-range")).isEqualTo(1);
    assertThat(out.toString()).contains("no suggestion: the loss was still falling");
    assertThat(wine("--max-lr", 1e-4)).isZero();
    assertThat(out.toString()).contains("swept 1e-07 to 1e-04 in 60 steps: the loss was still");
  }

  @Test
  void everyRuleIsInTheReportAndOneIsChosenByName() {
    assertThat(wine("--rule", "valley", "--repeats", 3)).isZero();
    assertThat(out.toString())
        .containsPattern("suggested learning rate: \\S+ \\(rule valley; the loss fell\\)")
        .containsPattern("range for cyclic and one-cycle schedules: \\S+ to \\S+; largest stable")
        .containsPattern("3 sweeps over different batches, 3 of them with a suggestion: median")
        .containsPattern(
            "the rules: valley .*, middle-of-fall .*, steepest .*, steepest-log .*, slide .*, minimum .*, steep ")
        .contains("of 6 other rules are within a factor of three");
    assertThat(wine("--rule", "default")).isZero();
    assertThat(out.toString()).containsPattern("\\(rule middle-of-fall; the loss fell\\)");
    assertThat(wine("--rule", "best")).isEqualTo(2);
    assertThat(err.toString())
        .contains(
            "there is no rule \"best\"; there are middle-of-fall, steepest, steepest-log, valley");
    assertThat(wine("--repeats", 0)).isEqualTo(2);
    assertThat(err.toString()).contains("--repeats is 0, but must be at least 1");
  }

  @Test
  void settingsAreComparedInATableAndAPlot() throws IOException {
    Path results = folder.resolve("compared");
    assertThat(wine("--compare", "weight-decay=0,1e-2,5", "--out", results)).isZero();
    assertThat(out.toString())
        .contains("| setting | status | suggestion |")
        .containsPattern("\\| weight-decay 0 \\| OK \\| \\d")
        .contains("| weight-decay 0.01 | ", "| weight-decay 5 | ");
    try (Stream<Path> files = Files.list(results)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("compare.png", "compare.svg", "compare.md");
    }
    assertThat(out.toString()).startsWith(Files.readString(results.resolve("compare.md")));
    assertThat(wine("--compare", "batch-size=8,64")).isZero();
    assertThat(wine("--compare", "momentum=0,0.9", "--optimizer", "sgd")).isZero();
    out.getBuffer().setLength(0);
    assertThat(wine("--compare", "batch-size=8,16", "--json")).isZero();
    assertThat(out.toString().strip().lines()).hasSize(1);
    assertThat(new ObjectMapper().readTree(out.toString()).fieldNames())
        .toIterable()
        .containsExactly("batch-size 8", "batch-size 16");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "depth=1,2|\"depth=1,2\" is not weight-decay=, momentum= or batch-size= and values",
        "momentum|\"momentum\" is not weight-decay=, momentum= or batch-size= and values",
        "momentum=0.9,1|momentum is 1.0, but must be at least 0 and less than 1",
        "weight-decay=x|'x' is not a number",
        "batch-size=2.5|batch-size is 2.5, but must be a whole number of at least 1",
        "momentum=0.5|adamw has no momentum"
      })
  void aSettingThatCannotBeComparedIsNamed(String setting, String message) {
    assertThat(wine("--compare", setting)).isEqualTo(2);
    assertThat(err.toString()).contains(message);
    assertThat(out.toString()).isEmpty();
  }

  private int wine(Object... arguments) {
    return find(
        Stream.concat(
                Stream.of("--data", DATA.resolve("wine.csv.gz"), "--target", "target"),
                Stream.of(arguments))
            .toArray());
  }

  @Test
  void aSweepWithoutAPointLeavesFiguresAndNoPicture() throws IOException {
    LrFinderResult found = LrFinder.builder().build().find(StepFunction.of(lr -> Double.NaN));
    new SweepReport(new PrintWriter(out, true), 79).write(found, folder, false);
    assertThat(out.toString()).startsWith("wrote lr.csv and lr.json to ");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("lr.csv", "lr.json");
    }
  }

  @Test
  void anInterruptWritesNothing() {
    Path results = folder.resolve("results");
    Thread.currentThread().interrupt();
    try {
      assertThat(
              find("--data", DATA.resolve("wine.csv.gz"), "--target", "target", "--out", results))
          .isEqualTo(130);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(results).isEmptyDirectory();
    assertThat(out.toString()).isEmpty();
  }
}

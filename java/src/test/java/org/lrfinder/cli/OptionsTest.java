package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.StepFunction;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** What is said of options that are wrong, and of what there is. */
class OptionsTest {
  private static final Path WINE =
      Path.of(System.getProperty("lrfinder.data", "src/data"), "wine.csv.gz");

  private record Ended(int code, String out, String err) {}

  private static Ended run(List<String> arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine commandLine = Main.commandLine();
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    int code = Main.run(commandLine, arguments.toArray(String[]::new));
    return new Ended(code, out.toString(), err.toString());
  }

  private static Ended wine(String... arguments) {
    return run(
        Stream.concat(
                Stream.of("find", "--data", WINE.toString(), "--target", "target"),
                Stream.of(arguments))
            .toList());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--min-lr=1e-400|Invalid value for option '--min-lr': '1e-400' is not a number, 0 or of a size from 4.9E-324 to 1.7976931348623157E308",
        "--max-lr=1e400|Invalid value for option '--max-lr': '1e400' is not a number",
        "--max-lr=0x1p3|'0x1p3' is not a number",
        "--max-lr=NaN|'NaN' is not a number",
        "--steps=1e99|Invalid value for option '--steps': '1e99' is not a whole number from -2147483648 to 2147483647",
        "--steps=4294967304|'4294967304' is not a whole number",
        "--steps=2.5|'2.5' is not a whole number",
        "--stpes=3|Unknown option: '--stpes=3'; did you mean --steps?",
        "--limit=cell=3|Invalid value for option '--limit'",
        "--steps|Missing required parameter for option '--steps' (N)"
      })
  void whatCannotBeParsedIsNamedInOneLineAndHelpInAnother(String option, String message) {
    Ended ended = wine(option);
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.out()).isEmpty();
    assertThat(ended.err().lines()).hasSize(2);
    assertThat(ended.err())
        .startsWith("lrfinder: ")
        .contains(message)
        .endsWith("'lrfinder find --help' lists what there is" + System.lineSeparator());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--min-lr=3;--max-lr=2|--max-lr is 2.0, but must be greater than --min-lr, which is 3.0",
        "--steps=2|--steps is 2, but must be at least 3",
        "--threads=1025|--threads is 1025, but must be from 1 to 1024, or 0 to let the engine choose",
        "--threads=2147483647|--threads is 2147483647, but must be from 1 to 1024",
        "--steps=1e9|what is asked for has more than 1000000 steps, which is the limit: --limit steps=N raises it",
        "--steps=1000;--repeats=1001|what is asked for has more than 1000000 steps",
        "--auto-budget=1000001|what is asked for has more than 1000000 steps",
        "--hidden=1000000,1000000|the network has more than 100000000 parameters, which is the limit: --limit parameters=N",
        "--limit=cells=1e3|more than 1000 cells, which is the limit: --limit cells=N raises it",
        "--limit=cells=0|--limit cells is 0, but must be from 1 to 2147483639"
      })
  void whatIsOutOfItsRangeIsNamedByItsOption(String options, String message) {
    Ended ended = wine(options.split(";"));
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.err().lines()).hasSize(1);
    assertThat(ended.err()).startsWith("lrfinder: ").contains(message);
  }

  @Test
  void aRequiredOptionThatIsMisspelledIsNotSaidToBeMissing() {
    Ended ended = run(List.of("find", "--dta", WINE.toString(), "--target", "target"));
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.err()).startsWith("lrfinder: Unknown option: '--dta'");
  }

  @Test
  void whatCannotBeTheNameOfAFileIsSaidToBeSo() {
    Ended ended = wine("--model", "net\0.json");
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.err())
        .contains("Invalid value for option '--model': 'net")
        .contains("cannot be the name of a file here")
        .contains("LC_ALL");
  }

  @Test
  void aWholeNumberMayHaveAnExponent() {
    assertThat(wine("--steps=3e1", "--no-auto-steps", "--no-auto-range").code()).isLessThan(2);
  }

  @Test
  void aNameThatGoesOnIsCutAndWhatATerminalWouldObeyIsNot() {
    Ended ended = wine("--rule", "\u001b[2J" + "x".repeat(200_000));
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.err())
        .hasSizeLessThan(1000)
        .contains("there is no rule \"?[2Jxxx", "[... ", "there are middle-of-fall, ")
        .doesNotContain("\u001b");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aFolderThatCannotBeWrittenToIsRefusedBeforeTheDataAreRead() {
    for (String folder : new String[] {"/proc/sys", "/proc/none"}) {
      Ended ended = run(List.of("find", "--data=none.csv", "--target=y", "--out", folder));
      assertThat(ended.code()).isEqualTo(2);
      assertThat(ended.err()).startsWith("lrfinder: --out: cannot ").contains(folder);
    }
  }

  @Test
  void resultsReplaceEarlierOnes(@TempDir Path folder) throws IOException {
    Path figures = Files.writeString(folder.resolve("lr.csv"), "earlier");
    String[] options = {
      "--steps=30", "--no-auto-steps", "--no-auto-range", "--out", folder.toString()
    };
    assertThat(wine(options).code()).isZero();
    assertThat(Files.readString(figures)).startsWith("step,lr,");
    assertThat(wine(options).code()).isZero();
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).hasSize(4);
    }
  }

  @Test
  void theHelpHasExamplesLimitsAndExitCodes() {
    assertThat(run(List.of("find", "--help")).out())
        .contains("Examples:", "--compare weight-decay=0,1e-4,1e-2", "--data - --target y")
        .contains("cells=50000000", "{\"type\": \"linear\", \"in\": 13, \"out\": 32}");
    assertThat(run(List.of("--help")).out()).contains("143 (SIGTERM)", "129 (SIGHUP)");
  }

  @Test
  void theExampleOfANetworkIsOne(@TempDir Path folder) throws IOException {
    String help = run(List.of("find", "--help")).out();
    Path file =
        Files.writeString(folder.resolve("net.json"), help.substring(help.indexOf("[{\"type\"")));
    assertThat(wine("--model", file.toString(), "--steps=30").code()).isLessThan(2);
  }

  @Test
  void completionsKnowEveryOption() {
    Ended ended = run(List.of("generate-completion"));
    assertThat(ended.code()).isZero();
    assertThat(ended.out())
        .startsWith("#!/usr/bin/env bash")
        .contains(
            "complete -F _complete_lrfinder", "'--limit'", "'--mark-rules'", "middle-of-fall");
  }

  @Test
  void theManPageHasEveryCommandsHelp() {
    Ended ended = run(List.of("generate-man-page"));
    assertThat(ended.code()).isZero();
    assertThat(ended.out())
        .startsWith(".TH LRFINDER 1")
        .contains(".SH LRFINDER FIND", "\\-\\-limit=NAME=N", ".SH LRFINDER DEMO", "143 (SIGTERM)")
        .contains("\\&'lrfinder find \\-\\-help'", "\\-\\-out decays \\e");
  }

  @Test
  void plotsAreAsWideAsTheTerminal() {
    LrFinderResult found = LrFinder.builder().build().find(StepFunction.of(lr -> 1 - lr));
    for (int columns : new int[] {40, 79, 120}) {
      StringWriter out = new StringWriter();
      new SweepReport(new PrintWriter(out, true), columns).print(found);
      assertThat(out.toString().lines().filter(line -> line.contains("|") || line.contains("+--")))
          .isNotEmpty()
          .allMatch(line -> line.length() <= columns)
          .anyMatch(line -> line.length() >= columns - 2);
    }
  }

  @Provide
  Arbitrary<List<String>> options() {
    List<String> names = new ArrayList<>();
    for (OptionSpec option :
        Main.commandLine().getSubcommands().get("find").getCommandSpec().options()) {
      names.addAll(List.of(option.names()));
    }
    names.removeAll(List.of("--data", "--target", "--out", "--report", "--limit", "--model"));
    Arbitrary<String> words =
        Arbitraries.oneOf(
            List.of(
                Arbitraries.of(
                    "0",
                    "1",
                    "2",
                    "3",
                    "-1",
                    "1e-3",
                    "5",
                    "64",
                    "2147483647",
                    "2147483648",
                    "1e400",
                    "NaN",
                    "64,64",
                    "1,,2",
                    "0,0",
                    "adam",
                    "SGD",
                    "linear",
                    "regression",
                    "valley",
                    "cpu",
                    "cuda:99",
                    "portable",
                    "momentum=0,0.5",
                    "batch-size=1,1e9",
                    "weight-decay=",
                    "",
                    " ",
                    "@",
                    "--",
                    "-",
                    "=",
                    "\u0000",
                    "x=y",
                    "ı"),
                Arbitraries.strings().ofMaxLength(8)));
    Arbitrary<String> option =
        Combinators.combine(Arbitraries.of(names), words, Arbitraries.of(true, true, true, false))
            .as((name, word, joined) -> joined ? name + "=" + word : name);
    return Arbitraries.oneOf(List.of(option, option, option, words)).list().ofMaxSize(4);
  }

  @Property(tries = 150)
  void anyOptionsEndInAnAnswerOrARefusal(@ForAll("options") List<String> options) {
    List<String> all = new ArrayList<>(List.of("find", "--data=" + WINE, "--target=target"));
    all.add("--limit=steps=60");
    if (options.stream().noneMatch(option -> option.startsWith("--steps"))) {
      all.add("--steps=4");
    }
    if (options.stream().noneMatch(option -> option.startsWith("--auto-budget"))) {
      all.add("--auto-budget=60");
    }
    all.addAll(options);
    Ended ended = run(all);
    assertThat(ended.code()).as(ended.err()).isIn(0, 1, 2);
    if (ended.code() == 2) {
      assertThat(ended.err()).startsWith("lrfinder: ").doesNotContain("\tat ");
    }
  }
}

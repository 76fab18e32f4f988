package org.lrfinder.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.lrfinder.Comparison;
import org.lrfinder.LrFinderResult;
import org.lrfinder.export.ResultJson;
import org.lrfinder.report.HtmlReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lrfinder report}: a page about results that were stored. Needs no libtorch. */
@Command(
    name = "report",
    description = "Makes one HTML page of stored results, to be shared.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class ReportCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "RESULT.json",
      description =
          "Results, as --out and --json write them. Several lie over one another, and then each by itself.")
  private List<Path> results = List.of();

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "The page; an earlier one is replaced, its folder is made if missing. Default: ${DEFAULT-VALUE}")
  private Path out = Path.of("report.html");

  @Option(names = "--title", paramLabel = "WORDS", description = "The page's heading.")
  private @Nullable String title;

  @Override
  public void run() {
    List<LrFinderResult> read = new ArrayList<>();
    for (Path result : results) {
      read.add(read(result));
    }
    ReportOption.requireWritable("--out", out);
    for (Path result : results) {
      if (isSame(result, out)) {
        throw new InputException("--out is " + out + ", which is one of the results");
      }
    }
    HtmlReport report =
        read.size() == 1 ? read.get(0).report() : compared(names(results), read).report();
    if (title != null) {
      report = report.withTitle(title);
    }
    PrintWriter console = spec.commandLine().getOut();
    ReportOption.write(report, out, console);
    console.flush();
  }

  private static LrFinderResult read(Path file) {
    try {
      return ResultJson.read(file);
    } catch (IllegalArgumentException | UncheckedIOException e) {
      throw new InputException(e.getMessage());
    }
  }

  private static boolean isSame(Path result, Path out) {
    try {
      return Files.exists(out) && Files.isSameFile(result, out);
    } catch (IOException e) {
      throw new InputException("cannot read " + result + ": " + e);
    }
  }

  private static Comparison compared(List<String> names, List<LrFinderResult> results) {
    List<Comparison.Entry> entries = new ArrayList<>();
    for (int i = 0; i < results.size(); i++) {
      entries.add(new Comparison.Entry(names.get(i), results.get(i)));
    }
    return new Comparison(entries);
  }

  /** The files' names; of files of the same name as they were given; of the same file numbered. */
  static List<String> names(List<Path> files) {
    List<String> names = files.stream().map(file -> String.valueOf(file.getFileName())).toList();
    if (new HashSet<>(names).size() < names.size()) {
      names = files.stream().map(Path::toString).toList();
    }
    List<String> distinct = new ArrayList<>();
    for (String name : names) {
      String free = name;
      for (int i = 2; distinct.contains(free); i++) {
        free = "%s (%d)".formatted(name, i);
      }
      distinct.add(free);
    }
    return distinct;
  }
}

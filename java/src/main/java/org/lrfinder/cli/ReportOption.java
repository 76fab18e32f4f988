package org.lrfinder.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.report.HtmlReport;
import picocli.CommandLine.Option;

/** The option of the commands that sweep by which they write a report as well. */
final class ReportOption {
  @Option(
      names = "--report",
      paramLabel = "FILE",
      description =
          "Write one HTML page that tells all of it, to be shared; its folder is made if missing.")
  private @Nullable Path file;

  /** Throws InputException if there is to be a report that cannot be written there. */
  void requireWritable() {
    if (file != null) {
      requireWritable("--report", file);
    }
  }

  static void requireWritable(String option, Path file) {
    if (Files.isDirectory(file)) {
      throw new InputException(option + " is " + file + ", a folder, but must be a file");
    }
    Path folder = file.toAbsolutePath().getParent();
    SweepReport.makeFolder(option, folder == null ? Path.of(".") : folder);
  }

  /** Writes the report, if there is to be one; the console is told where. */
  void write(Supplier<HtmlReport> report, PrintWriter console) {
    if (file != null) {
      write(report.get(), file, console);
    }
  }

  static void write(HtmlReport report, Path file, PrintWriter console) {
    try {
      report.save(file);
    } catch (UncheckedIOException e) {
      throw new InputException(e.getMessage());
    }
    console.printf("wrote %s%n", file);
  }
}

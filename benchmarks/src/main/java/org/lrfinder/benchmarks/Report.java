package org.lrfinder.benchmarks;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;

/** What a program found out, in Markdown. */
public final class Report {
  private Report() {}

  /** Numbers with a decimal point, whatever the locale. */
  public static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  public static void print(CommandSpec program, CharSequence part) {
    PrintWriter console = program.commandLine().getOut();
    console.append(part);
    console.flush();
  }

  /** Writes the whole report to a file, if one is given. */
  public static void write(CharSequence report, Path out) throws IOException {
    if (out != null) {
      Files.writeString(out, report);
    }
  }
}

package org.lrfinder.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.export.CurveCsv;
import org.lrfinder.export.ResultJson;
import org.lrfinder.plot.LrPlot;

/** What the commands say of a sweep, on the console and in files. */
final class SweepReport {
  private static final int COLUMNS = 79;
  private static final int ROWS = 18;

  /** A sweep that is given its finder. */
  interface Sweep {
    LrFinderResult run(LrFinder finder);
  }

  private SweepReport() {}

  /** Runs a sweep; a terminal sees a progress bar. */
  static LrFinderResult withProgress(LrFinder.Builder finder, Sweep sweep) {
    if (System.console() == null) {
      return sweep.run(finder.build());
    }
    try (ProgressBar bar =
        new ProgressBarBuilder()
            .setTaskName("sweep")
            .setStyle(ProgressBarStyle.ASCII)
            .setConsumer(new ConsoleProgressBarConsumer(System.err, COLUMNS))
            .build()) {
      finder.listener(
          step -> {
            bar.maxHint(step.steps());
            bar.stepTo(step.index() + 1L);
          });
      return sweep.run(finder.build());
    }
  }

  static void print(LrFinderResult found, PrintWriter console) {
    console.printf(
        Locale.ROOT,
        "device %s, %s engine, %s, %d %s, libtorch %s%n",
        found.engine().device(),
        found.engine().engine(),
        found.engine().blas(),
        found.engine().threads(),
        found.engine().threads() == 1 ? "thread" : "threads",
        found.engine().libtorch());
    console.printf(
        Locale.ROOT,
        "sweep %s, %d of %d steps%n",
        found.endReason().words(),
        found.results().size(),
        found.settings().steps());
    if (found.results().size() > 0) {
      console.println();
      console.print(found.plot(true).toText(COLUMNS, ROWS));
      console.println();
    }
    found
        .suggestion()
        .ifPresentOrElse(
            s ->
                console.printf(
                    Locale.ROOT,
                    "suggested learning rate: %.3e (rule %s; %s)%n",
                    s.lr(),
                    s.rule(),
                    found.status().words()),
            () -> console.printf(Locale.ROOT, "no suggestion: %s%n", found.status().words()));
  }

  /** Makes the folder before the sweep, so that nothing is lost to a wrong name. */
  static void makeFolder(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new InputException("cannot make the folder " + folder + ": " + e);
    }
  }

  /** Writes plot and figures; the console is told where. */
  static void write(LrFinderResult found, Path folder, PrintWriter console) {
    try {
      CurveCsv.write(found.results(), folder.resolve("lr.csv"));
      ResultJson.write(found, folder.resolve("lr.json"));
      if (found.results().size() == 0) {
        console.printf("wrote lr.csv and lr.json to %s; there is no point to draw%n", folder);
        return;
      }
      LrPlot plot = found.plot(true);
      plot.save(folder.resolve("lr.png"));
      plot.save(folder.resolve("lr.svg"));
      console.printf("wrote lr.png, lr.svg, lr.csv and lr.json to %s%n", folder);
    } catch (UncheckedIOException e) {
      throw new InputException(e.getMessage());
    }
  }

  static int exitCode(LrFinderResult found) {
    return found.suggestion().isPresent() ? 0 : Main.NO_SUGGESTION;
  }
}

package org.lrfinder.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.lrfinder.Comparison;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.Repeats;
import org.lrfinder.SweepTask;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.export.CurveCsv;
import org.lrfinder.export.ResultJson;
import org.lrfinder.internal.io.AtomicFile;
import org.lrfinder.plot.LiveCurve;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.SweepSettings;

/**
 * What the commands say of a sweep, on the console and in files.
 *
 * @param columns how wide the console is
 */
record SweepReport(PrintWriter console, int columns) {
  private static final int ROWS = 18;

  /** Runs a sweep; a terminal sees its curve grow, or else a progress bar. */
  static LrFinderResult withProgress(
      LrFinder.Builder finder, SweepTask<?> task, int columns, boolean watched) {
    if (System.console() == null) {
      return finder.build().find(task);
    }
    if (watched) {
      try (LiveCurve live = LiveCurve.onTerminal(System.err, columns, ROWS)) {
        return finder.listener(live).build().find(task);
      }
    }
    try (ProgressBar bar =
        new ProgressBarBuilder()
            .setTaskName("sweep")
            .setStyle(ProgressBarStyle.ASCII)
            .setConsumer(new ConsoleProgressBarConsumer(System.err, columns))
            .build()) {
      finder.listener(
          step -> {
            bar.maxHint(step.steps());
            bar.stepTo(step.index() + 1L);
          });
      return finder.build().find(task);
    }
  }

  void print(LrFinderResult found) {
    EngineInfo engine = found.engine();
    say(
        "device %s%s, %s engine, %s, %d %s, libtorch %s%n",
        engine.device(),
        engine.hardware().map(device -> " (" + device.words() + ")").orElse(""),
        engine.engine(),
        engine.blas(),
        engine.threads(),
        engine.threads() == 1 ? "thread" : "threads",
        engine.libtorch());
    engine.pathReason().ifPresent(reason -> say("losses %s: %s%n", engine.path(), reason));
    found.attempts().forEach(attempt -> say("swept %s%n", attempt.words()));
    SweepSettings swept = found.settings();
    int points = found.results().size();
    say(
        "swept %.0e to %.0e, %s, %d of %d steps%n",
        swept.minLr(), swept.maxLr(), found.endReason().words(), points, swept.steps());
    if (points > 0) {
      say("%n%s%n", found.plot(true).toText(columns, ROWS));
    }
    String status = found.status().words();
    found
        .suggestion()
        .ifPresentOrElse(
            s ->
                say(
                    "suggested learning rate: %.3e%s (rule %s; %s)%n",
                    s.lr(),
                    s.interval()
                        .map(
                            i ->
                                String.format(
                                    Locale.ROOT,
                                    ", from sweep to sweep %.1e to %.1e",
                                    i.low(),
                                    i.high()))
                        .orElse(""),
                    s.rule(),
                    status),
            () ->
                say(
                    "no suggestion: %s%n",
                    found.status() == Status.OK ? "the rule gave no rate" : status));
    found
        .cyclicRange()
        .ifPresent(
            range ->
                say(
                    "range for cyclic and one-cycle schedules: %.2e to %.2e; largest stable rate: %.2e%n",
                    range.base(), range.max(), found.largestStableLr().orElseThrow()));
    found.repeats().ifPresent(this::print);
    if (!found.suggestions().isEmpty()) {
      say(
          "the rules: %s%n",
          found.suggestions().stream()
              .map(s -> String.format(Locale.ROOT, "%s %.1e", s.rule(), s.lr()))
              .collect(Collectors.joining(", ")));
    }
    found
        .agreement()
        .ifPresent(
            agreement ->
                say(
                    "%d of %d other rules are within a factor of three; they spread over %.1f decades%n",
                    agreement.near(), agreement.rules(), agreement.decades()));
    found.warnings().forEach(warning -> say("warning: %s%n", warning));
  }

  private void print(Repeats repeats) {
    say(
        "%d sweeps over different batches, %d of them with a suggestion",
        repeats.sweeps().size(), repeats.suggested().length);
    repeats
        .spread()
        .ifPresent(
            decades ->
                say(
                    ": median %.2e, quartiles %.2f decades apart",
                    repeats.median().orElseThrow(), decades));
    console.println();
  }

  private void say(String format, Object... arguments) {
    console.printf(Locale.ROOT, format, arguments);
  }

  /**
   * Makes the folder before the sweep, so that nothing is lost to a wrong name or to a folder that
   * cannot be written to.
   */
  static void makeFolder(String option, Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new InputException(option + ": cannot make the folder " + folder + ": " + e);
    }
    try {
      Files.delete(Files.createTempFile(folder, ".lrfinder", null));
    } catch (IOException e) {
      throw new InputException(option + ": cannot write to the folder " + folder + ": " + e);
    }
  }

  /** Writes plot and figures; the console is told where. */
  void write(LrFinderResult found, Path folder, boolean marksRules) {
    try {
      CurveCsv.write(found.results(), folder.resolve("lr.csv"));
      ResultJson.write(found, folder.resolve("lr.json"));
      if (found.results().size() == 0) {
        say("wrote lr.csv and lr.json to %s; there is no point to draw%n", folder);
        return;
      }
      LrPlot plot = found.plot(true);
      if (marksRules) {
        plot = plot.withRules(found.suggestions());
      }
      plot.save(folder.resolve("lr.png"));
      plot.save(folder.resolve("lr.svg"));
      say("wrote lr.png, lr.svg, lr.csv and lr.json to %s%n", folder);
    } catch (UncheckedIOException e) {
      throw new InputException(e.getMessage());
    }
  }

  /** Writes a comparison's plot and table; the console is told where. */
  void write(Comparison compared, Path folder) {
    try {
      AtomicFile.write(
          folder.resolve("compare.md"), compared.table().getBytes(StandardCharsets.UTF_8));
      if (compared.entries().stream().allMatch(entry -> entry.result().results().size() == 0)) {
        say("wrote compare.md to %s; there is no point to draw%n", folder);
        return;
      }
      compared.plot().save(folder.resolve("compare.png"));
      compared.plot().save(folder.resolve("compare.svg"));
      say("wrote compare.png, compare.svg and compare.md to %s%n", folder);
    } catch (UncheckedIOException e) {
      throw new InputException(e.getMessage());
    }
  }

  static int exitCode(LrFinderResult found) {
    return found.suggestion().isPresent() ? 0 : Main.NO_SUGGESTION;
  }
}

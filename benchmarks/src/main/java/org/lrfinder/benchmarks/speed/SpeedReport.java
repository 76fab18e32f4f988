package org.lrfinder.benchmarks.speed;

import static org.lrfinder.benchmarks.Report.format;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.lrfinder.benchmarks.Summary;

/** The tables of a run, in Markdown. */
final class SpeedReport {
  private static final double MICROS_PER_MILLI = 1000;
  private static final double MOST_OVER_BEST_COUNTS = 1.10;
  private static final double MOST_OF_LIGHTNINGS_PROCESS = 0.30;

  private final Rows rows;
  private final StringBuilder text = new StringBuilder();

  private SpeedReport(Rows rows) {
    this.rows = rows;
  }

  /**
   * @param notes where and how it was measured, and what is missing
   */
  static String of(Rows rows, Collection<String> notes) {
    SpeedReport report = new SpeedReport(rows);
    report.text.append("# Speed\n\n");
    notes.forEach(note -> report.text.append("- ").append(note).append('\n'));
    report.text.append(
        """

        Every ratio is of two times of the same round, in which all contenders took turns: its median, and its quartiles in
        brackets. Above 1 the native engine is faster.
        """);
    report.aims();
    for (Setting setting : Setting.values()) {
      report.sweeps(setting);
    }
    report.epochs();
    report.processes();
    report.memory();
    report.threads();
    report.growth();
    return report.text.toString();
  }

  private void section(String title) {
    text.append("\n## ").append(title).append("\n\n");
  }

  private void line(Collection<String> cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  private void head(Collection<String> cells) {
    line(cells);
    line(cells.stream().map(cell -> "---").toList());
  }

  private void aims() {
    section("Aims");
    head(List.of("sweep", "against", "aim", "reached", "quartiles", "met"));
    for (Aim aim : Aim.ALL) {
      Rows sweeps = rows.of(aim.setting(), Figure.SWEEP.key(), aim.subject());
      most(sweeps)
          .flatMap(steps -> sweeps.ratio(aim.contender(), Contenders.NATIVE, steps))
          .ifPresent(
              ratio ->
                  line(
                      List.of(
                          aim.subject() + ", " + aim.setting().words(),
                          aim.contender(),
                          aim.words(),
                          format("%.2fx", ratio.median()),
                          quartiles(ratio, "%.2f"),
                          aim.isMetBy(ratio.median()) ? "yes" : "**no**")));
    }
  }

  private static Optional<Integer> most(Rows rows) {
    return rows.xs().stream().max(Integer::compare);
  }

  private static Optional<Integer> least(Rows rows) {
    return rows.xs().stream().min(Integer::compare);
  }

  private void sweeps(Setting setting) {
    Rows sweeps =
        rows.where(
            row -> row.setting().equals(setting.key()) && row.figure().equals(Figure.SWEEP.key()));
    if (sweeps.all().isEmpty()) {
      return;
    }
    section("Sweeps: " + setting.words());
    text.append("Milliseconds a sweep, snapshot and restore included.\n\n");
    bySubject(
        sweeps,
        setting,
        (subject, contender) ->
            most(subject)
                .flatMap(steps -> subject.summary(contender, steps))
                .map(micros -> format("%.2f", micros.median() / MICROS_PER_MILLI)));
    text.append(
        "\nMicroseconds a step: what a whole sweep takes longer than one of a fifth of the steps.\n\n");
    bySubject(
        sweeps,
        setting,
        (subject, contender) ->
            subject
                .slope(contender, least(subject).orElseThrow(), most(subject).orElseThrow())
                .map(micros -> format("%.1f", micros.median())));
    text.append("\nTimes of a sweep, divided by native's.\n\n");
    bySubject(
        sweeps,
        setting,
        (subject, contender) ->
            contender.equals(Contenders.NATIVE)
                ? Optional.of("1")
                : most(subject)
                    .flatMap(steps -> subject.ratio(contender, Contenders.NATIVE, steps))
                    .map(
                        ratio ->
                            format("%.2f", ratio.median())
                                + " ("
                                + quartiles(ratio, "%.2f")
                                + ")"));
  }

  private interface Cell {
    Optional<String> of(Rows subject, String contender);
  }

  private void bySubject(Rows figure, Setting setting, Cell cell) {
    Collection<String> contenders = figure.contenders();
    List<String> head = new ArrayList<>(List.of("network", "steps", "rounds"));
    head.addAll(contenders);
    head(head);
    for (String name : figure.subjects()) {
      Rows subject =
          figure.where(row -> row.setting().equals(setting.key()) && row.subject().equals(name));
      List<String> cells =
          new ArrayList<>(
              List.of(
                  name,
                  most(subject).orElseThrow().toString(),
                  Integer.toString(subject.rounds())));
      contenders.forEach(contender -> cells.add(cell.of(subject, contender).orElse("")));
      line(cells);
    }
  }

  private void epochs() {
    for (Setting setting : Setting.values()) {
      Rows epochs =
          rows.where(
              row ->
                  row.setting().equals(setting.key()) && row.figure().equals(Figure.EPOCH.key()));
      if (!epochs.all().isEmpty()) {
        section("An epoch of training: " + setting.words());
        text.append(
            "`Trainer.fit` is native's. Milliseconds, and divided by native's; steps are batches of the epoch.\n\n");
        bySubject(
            epochs,
            setting,
            (subject, contender) ->
                most(subject)
                    .flatMap(
                        steps ->
                            subject
                                .summary(contender, steps)
                                .map(
                                    micros ->
                                        format("%.2f", micros.median() / MICROS_PER_MILLI)
                                            + subject
                                                .ratio(contender, Contenders.NATIVE, steps)
                                                .map(ratio -> format(", %.2f", ratio.median()))
                                                .orElse(""))));
      }
    }
  }

  private void processes() {
    Rows time = rows.where(row -> row.figure().equals(Processes.TIME));
    if (time.all().isEmpty()) {
      return;
    }
    Rows memory = rows.where(row -> row.figure().equals(Processes.MEMORY));
    section("From the start of a process to the suggestion, on the digits");
    head(List.of("process", "milliseconds", "peak MiB", "of Lightning's time", "of its memory"));
    for (String contender : time.contenders()) {
      line(
          List.of(
              contender,
              time.summary(contender, 0).map(SpeedReport::whole).orElse(""),
              memory.summary(contender, 0).map(SpeedReport::whole).orElse(""),
              share(time, contender),
              share(memory, contender)));
    }
  }

  private static String whole(Summary summary) {
    return format("%.0f", summary.median()) + " (" + quartiles(summary, "%.0f") + ")";
  }

  private static String share(Rows rows, String contender) {
    return contender.equals(Processes.COMMAND_LINE)
        ? rows.ratio(contender, "Lightning", 0)
            .map(
                ratio ->
                    format(
                        "%.2f, %s",
                        ratio.median(),
                        ratio.median() <= MOST_OF_LIGHTNINGS_PROCESS ? "met" : "**not met**"))
            .orElse("")
        : "";
  }

  private void memory() {
    Rows peaks = rows.where(row -> row.figure().equals(Processes.PEAK));
    if (peaks.all().isEmpty()) {
      return;
    }
    section("Peak memory of a process with two sweeps, MiB");
    text.append(
        "A copy is one of parameters, buffers and Adam's state, which the bare loop has too but for the parameters' part.\n\n");
    List<String> head = new ArrayList<>(List.of("network", "a copy"));
    List<String> contenders =
        peaks.contenders().stream().filter(name -> !name.equals(Processes.COPY)).toList();
    head.addAll(contenders);
    head(head);
    for (String subject : peaks.subjects()) {
      Rows own = peaks.where(row -> row.subject().equals(subject));
      List<String> cells = new ArrayList<>(List.of(subject));
      cells.add(
          own.summary(Processes.COPY, 0).map(size -> format("%.1f", size.median())).orElse(""));
      for (String contender : contenders) {
        cells.add(
            own.summary(contender, 0)
                .map(
                    mebibytes ->
                        format("%.0f", mebibytes.median())
                            + (contender.equals(Contenders.BARE)
                                ? ""
                                : own.summary(Contenders.BARE, 0)
                                    .map(
                                        bare ->
                                            format(" (%+.0f)", mebibytes.median() - bare.median()))
                                    .orElse("")))
                .orElse(""));
      }
      line(cells);
    }
  }

  private void threads() {
    for (Setting setting : Setting.values()) {
      Rows counts =
          rows.where(
              row ->
                  row.setting().equals(setting.key()) && row.figure().equals(Figure.THREADS.key()));
      if (counts.all().isEmpty()) {
        continue;
      }
      section("Thread counts: " + setting.words());
      text.append(
          "Microseconds a step. The choice has to take at most %.2f of what the best counts take.\n\n"
              .formatted(MOST_OVER_BEST_COUNTS));
      List<String> head = new ArrayList<>(List.of("network"));
      head.addAll(counts.contenders());
      head.addAll(List.of("choice / best", "met"));
      head(head);
      for (String name : counts.subjects()) {
        Rows subject = counts.where(row -> row.subject().equals(name));
        int steps = most(subject).orElseThrow();
        List<String> cells = new ArrayList<>(List.of(name));
        Function<String, Double> median =
            contender ->
                subject
                    .summary(contender, steps)
                    .map(Summary::median)
                    .orElse(Double.POSITIVE_INFINITY);
        counts
            .contenders()
            .forEach(contender -> cells.add(format("%.0f", median.apply(contender) / steps)));
        String best =
            counts.contenders().stream()
                .filter(contender -> !contender.equals(Figure.DEFAULT_COUNTS))
                .min(Comparator.comparing(median))
                .orElseThrow();
        Optional<Summary> ratio = subject.ratio(Figure.DEFAULT_COUNTS, best, steps);
        cells.add(
            ratio
                .map(of -> format("%.2f", of.median()) + " (" + quartiles(of, "%.2f") + ")")
                .orElse(""));
        cells.add(
            ratio.map(of -> of.median() <= MOST_OVER_BEST_COUNTS ? "yes" : "**no**").orElse(""));
        line(cells);
      }
    }
  }

  private void growth() {
    Rows growth = rows.where(row -> row.figure().equals(Figure.GROWTH.key()));
    if (growth.all().isEmpty()) {
      return;
    }
    section("Growth, MKL, one thread");
    text.append(
        "Milliseconds a sweep of 1x64, batch 32, 100 steps, Adam, where one of these is another: width, depth, batch, steps.\n\n");
    for (String curve : growth.subjects()) {
      Rows own = growth.where(row -> row.subject().equals(curve));
      List<String> head = new ArrayList<>(List.of(curve));
      head.addAll(own.contenders());
      head(head);
      for (int x : own.xs()) {
        List<String> cells = new ArrayList<>(List.of(Integer.toString(x)));
        own.contenders()
            .forEach(
                contender ->
                    cells.add(
                        own.summary(contender, x)
                            .map(micros -> format("%.2f", micros.median() / MICROS_PER_MILLI))
                            .orElse("")));
        line(cells);
      }
      text.append('\n');
    }
  }

  private static String quartiles(Summary summary, String number) {
    return List.of(summary.lowerQuartile(), summary.upperQuartile()).stream()
        .map(quartile -> format(number, quartile))
        .collect(Collectors.joining(" to "));
  }
}

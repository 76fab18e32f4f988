package org.lrfinder.benchmarks.quality;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.lrfinder.benchmarks.Answers;
import org.lrfinder.benchmarks.Machine;
import org.lrfinder.benchmarks.Report;
import org.lrfinder.benchmarks.Summary;

/** The report, in Markdown. */
final class Tables {
  private static final List<String> IN_FULL =
      List.of(
          "Lightning 0.8.1",
          "Lightning 2.6.6",
          "torch-lr-finder",
          "fastai's valley",
          "fastai's minimum");

  /** Tasks that only differ in the unit of the loss, and by how many decades that moves a rate. */
  private static final Map<String, Integer> UNITS = Map.of("-loss-x100", -2, "-loss-x001", 2);

  /** PyTorch's default rates, by the tasks' names of optimizers. */
  private static final Map<String, Double> DEFAULTS =
      Map.of("sgd", 1e-3, "sgdm", 1e-3, "adam", 1e-3, "adamw", 1e-3, "rmsprop", 1e-2);

  private final List<Row> all;
  private final List<Row> counted;
  private final List<Integer> steps;
  private final Map<String, Double> fitted;
  private final List<Finder> finders;

  private Tables(List<Row> all, List<Integer> steps) {
    this.all = all;
    this.counted = all.stream().filter(row -> row.truth().worthwhile()).toList();
    this.steps = steps;
    this.fitted = Finder.fitted(all);
    this.finders = Finder.all(all, steps, fitted);
  }

  static String of(List<Row> rows, List<Integer> steps, int seeds, String command)
      throws IOException {
    Tables tables = new Tables(rows, steps);
    StringBuilder text = new StringBuilder(tables.header(seeds, command));
    Map<String, List<Row>> folders =
        tables.counted.stream()
            .collect(Collectors.groupingBy(Row::folder, LinkedHashMap::new, Collectors.toList()));
    folders.forEach((folder, members) -> text.append(tables.scores(folder, members)));
    if (folders.size() > 1) {
      text.append(tables.scores("all", tables.counted));
    }
    return text.append(tables.times())
        .append(tables.byOptimizer())
        .append(tables.promises())
        .append(tables.intervals())
        .append(tables.units())
        .append(tables.worth())
        .append(tables.tasks())
        .toString();
  }

  private String header(int seeds, String command) throws IOException {
    String dropped =
        all.stream()
            .filter(row -> !counted.contains(row))
            .map(Row::task)
            .collect(Collectors.joining(", "));
    String constants =
        fitted.entrySet().stream()
            .map(entry -> "%s %s".formatted(entry.getKey(), Answers.rate(entry.getValue())))
            .collect(Collectors.joining(", "));
    return Report.format(
        """
        %s- %d tasks, float32, one thread; %d answers to each with seeds of their own; truth: validation loss after training with 3 other seeds at 25 rates from 1e-5 to 10, each falling linearly to zero
        - left out, since no rate improves them by 5 %%: %s
        - the constant of each optimizer, fitted on public and noisy: %s
        - command: `%s`

        Regret: 0 is the loss at the best rate, 1 the loss before training; no rate at all is 1. What a rule says counts whatever the status, but under "OK". In brackets: 95 %% of 2,000 draws with replacement of networks, those of one kind on the same data together. Outside the grid a rate counts as the grid's end. Spread: standard deviation over the seeds of a task in decades, mean of the tasks. A grid search is 25 trainings; its seed is judged by the two others.

        """,
        Machine.describe(),
        all.size(),
        seeds,
        dropped.isEmpty() ? "none" : dropped,
        constants.isEmpty() ? "none" : constants,
        command);
  }

  private String scores(String name, List<Row> rows) {
    StringBuilder table =
        new StringBuilder(
            "| %s, %d tasks of %d networks | steps | taken | regret | above 0.2 | worst task | spread | OK | OK: regret | above 0.2 |\n|---|---|---|---|---|---|---|---|---|---|\n"
                .formatted(
                    name,
                    rows.size(),
                    rows.stream().map(row -> row.name().network()).distinct().count()));
    for (Finder finder : finders) {
      Score score = Score.of(finder, rows);
      boolean ours = isOurs(finder);
      table.append(
          Report.format(
              "| %s | %s | %s | %.3f (%.3f to %.3f) | %.1f %% | %.2f | %.2f | %s | %s | %s |\n",
              finder.name(),
              finder.steps() == 0 ? "" : String.valueOf(finder.steps()),
              score.spent() == 0 ? "" : Report.format("%.0f", score.spent()),
              score.regret(),
              score.low(),
              score.high(),
              100 * score.bad(),
              score.worst(),
              score.spread(),
              ours ? Report.format("%.0f %%", 100 * score.ok()) : "",
              ours ? Report.format("%.3f", score.okRegret()) : "",
              ours ? Report.format("%.1f %%", 100 * score.okBad()) : ""));
    }
    return table.append('\n').toString();
  }

  private static boolean isOurs(Finder finder) {
    return finder.name().equals(Measurement.OURS) || finder.name().equals(Measurement.BY_DEFAULT);
  }

  /** What an answer costs, beside the time of a sweep that the speed benchmark compares. */
  private String times() {
    double[] search = millis(Measurement.BY_DEFAULT, 0);
    StringBuilder text =
        new StringBuilder(
            Report.format(
                "An answer of `find` takes %.1f ms, the median of all tasks (quartiles %.1f to %.1f)",
                Summary.of(search).median(),
                Summary.of(search).lowerQuartile(),
                Summary.of(search).upperQuartile()));
    for (int count : steps) {
      text.append(
          Report.format(
              ", a sweep of %d steps %.1f",
              count, Summary.of(millis(Measurement.OURS, count)).median()));
    }
    return text.append(", with as many processes beside it as there are cores.\n\n").toString();
  }

  private double[] millis(String finder, int count) {
    return all.stream()
        .flatMap(row -> row.of(finder, count).stream())
        .mapToDouble(run -> run.micros() / 1000)
        .toArray();
  }

  private String byOptimizer() {
    StringBuilder table =
        new StringBuilder(
            "| regret by optimizer | tasks | lrfinder find | constant | ratio |\n|---|---|---|---|---|\n");
    if (fitted.isEmpty()) {
      return "";
    }
    Finder ours = finder(Measurement.BY_DEFAULT, 0);
    Finder constant = finder(Finder.CONSTANTS, 0);
    for (String folder : counted.stream().map(Row::folder).distinct().toList()) {
      for (String optimizer : DEFAULTS.keySet().stream().sorted().toList()) {
        List<Row> rows =
            counted.stream()
                .filter(r -> r.folder().equals(folder) && r.name().optimizer().equals(optimizer))
                .toList();
        if (!rows.isEmpty()) {
          double own = Score.of(ours, rows).regret();
          double other = Score.of(constant, rows).regret();
          table.append(
              Report.format(
                  "| %s, %s | %d | %.3f | %.3f | %.2f |\n",
                  folder, optimizer, rows.size(), own, other, own / other));
        }
      }
    }
    return table.append('\n').toString();
  }

  private Finder finder(String name, int count) {
    return finders.stream()
        .filter(f -> f.name().equals(name) && f.steps() == count)
        .findFirst()
        .orElseThrow();
  }

  private static List<Run> ok(Row row) {
    return row.of(Measurement.BY_DEFAULT, 0).stream().filter(Run::ok).toList();
  }

  /** The range for cyclic schedules, and the largest stable rate. */
  private String promises() {
    StringBuilder table =
        new StringBuilder(
            "| `find`, status OK: answers whose rate loses at most 0.2 | answers | base of the cyclic range | suggestion | maximum of the range | both ends | largest stable rate |\n|---|---|---|---|---|---|---|\n");
    for (String folder : counted.stream().map(Row::folder).distinct().toList()) {
      List<Row> rows = counted.stream().filter(row -> row.folder().equals(folder)).toList();
      long answers = rows.stream().mapToLong(row -> ok(row).size()).sum();
      table.append(
          Report.format(
              "| %s | %d | %s | %s | %s | %s | %s |\n",
              folder,
              answers,
              held(rows, Run::base),
              held(rows, Run::lr),
              held(rows, Run::max),
              heldBoth(rows),
              held(rows, Run::stable)));
    }
    return table.append('\n').toString();
  }

  private static boolean holds(Row row, double lr) {
    return row.truth().regret(OptionalDouble.of(lr)) <= Score.BAD;
  }

  private static String held(List<Row> rows, ToDoubleFunction<Run> rate) {
    double[] held =
        rows.stream()
            .flatMapToDouble(
                row ->
                    ok(row).stream()
                        .mapToDouble(rate)
                        .filter(lr -> !Double.isNaN(lr))
                        .map(lr -> holds(row, lr) ? 1 : 0))
            .toArray();
    return percent(held);
  }

  private static String heldBoth(List<Row> rows) {
    double[] held =
        rows.stream()
            .flatMapToDouble(
                row ->
                    ok(row).stream()
                        .filter(run -> !Double.isNaN(run.base()))
                        .mapToDouble(
                            run -> holds(row, run.base()) && holds(row, run.max()) ? 1 : 0))
            .toArray();
    return percent(held);
  }

  private static String percent(double... values) {
    return values.length == 0
        ? "-"
        : Report.format("%.0f %%", 100 * Arrays.stream(values).average().orElseThrow());
  }

  /** Whether the interval of an answer has the median of many in it. */
  private String intervals() {
    List<Row> rows = counted.stream().filter(row -> !row.measured().repeats().isEmpty()).toList();
    if (rows.isEmpty()) {
      return "";
    }
    StringBuilder table =
        new StringBuilder(
            "| many answers to a task | OK | median rate | the middle nine tenths, decades | interval, decades, median | intervals with the median rate in them |\n|---|---|---|---|---|---|\n");
    List<Double> shares = new ArrayList<>();
    for (Row row : rows) {
      List<Run> ok =
          row.measured().repeats().stream()
              .filter(run -> run.ok() && !Double.isNaN(run.low()))
              .toList();
      if (ok.size() < row.measured().repeats().size() / 2) {
        table.append(
            "| %s | %d of %d | | | | |\n"
                .formatted(row.task(), ok.size(), row.measured().repeats().size()));
        continue;
      }
      double[] rates = ok.stream().mapToDouble(Run::lr).sorted().toArray();
      double median = Summary.of(rates).median();
      double share =
          ok.stream()
              .mapToDouble(run -> run.low() <= median && median <= run.high() ? 1 : 0)
              .average()
              .orElseThrow();
      shares.add(share);
      table.append(
          Report.format(
              "| %s | %d of %d | %.1e | %.2f | %.2f | %.0f %% |\n",
              row.task(),
              ok.size(),
              row.measured().repeats().size(),
              median,
              Math.log10(rates[(int) (0.95 * rates.length)] / rates[(int) (0.05 * rates.length)]),
              Summary.of(
                      ok.stream().mapToDouble(run -> Math.log10(run.high() / run.low())).toArray())
                  .median(),
              100 * share));
    }
    if (!shares.isEmpty()) {
      double[] values = shares.stream().mapToDouble(v -> v).toArray();
      table.append(
          Report.format(
              "\n%d of %d tasks have the median in at least 90 of 100 intervals; mean %.0f %%, least %.0f %%.\n",
              shares.stream().filter(v -> v >= 0.9).count(),
              shares.size(),
              100 * Arrays.stream(values).average().orElseThrow(),
              100 * Summary.of(values).min()));
    }
    return table.append('\n').toString();
  }

  /** Whether the suggestion follows the unit of the loss under plain SGD. */
  private String units() {
    StringBuilder table =
        new StringBuilder(
            "| the loss in another unit, SGD | median rate | that of the task in its own | moved by decades | should be | regret | constant's |\n|---|---|---|---|---|---|---|\n");
    int lines = 0;
    for (Row row : all) {
      for (Map.Entry<String, Integer> unit : UNITS.entrySet()) {
        String network = row.name().network();
        if (!network.endsWith(unit.getKey())) {
          continue;
        }
        String own = network.substring(0, network.length() - unit.getKey().length());
        for (Row base : all) {
          if (base.name().network().equals(own) && base.name().optimizer().equals("sgd")) {
            double moved = Math.log10(median(row) / median(base));
            table.append(
                Report.format(
                    "| %s | %.1e | %.1e | %.2f | %d | %.3f | %s |\n",
                    row.task(),
                    median(row),
                    median(base),
                    moved,
                    unit.getValue(),
                    Score.of(finder(Measurement.BY_DEFAULT, 0), List.of(row)).regret(),
                    fitted.isEmpty()
                        ? ""
                        : Report.format(
                            "%.3f", Score.of(finder(Finder.CONSTANTS, 0), List.of(row)).regret())));
            lines++;
          }
        }
      }
    }
    return lines == 0 ? "" : table.append('\n').toString();
  }

  private static double median(Row row) {
    double[] rates =
        row.of(Measurement.BY_DEFAULT, 0).stream()
            .flatMapToDouble(run -> run.rate().stream())
            .toArray();
    return rates.length == 0 ? Double.NaN : Summary.of(rates).median();
  }

  /** How long training takes to be as good as that at PyTorch's default rate is in the end. */
  private String worth() {
    StringBuilder table =
        new StringBuilder(
            "| of the training at PyTorch's default rate, what as good a validation loss takes | median share | quartiles | never as good |\n|---|---|---|---|\n");
    List<Finder> compared =
        finders.stream()
            .filter(f -> f.steps() == 0 || f.steps() == 100 || steps.size() == 1)
            .filter(f -> !f.name().startsWith("grid"))
            .toList();
    for (Finder finder : compared) {
      List<Double> shares = new ArrayList<>();
      int never = 0;
      for (Row row : counted) {
        for (Finder.Answer answer : finder.answers().apply(row)) {
          OptionalDouble share =
              answer.lr().isEmpty()
                  ? OptionalDouble.empty()
                  : row.truth()
                      .shareToReach(
                          answer.lr().getAsDouble(), DEFAULTS.get(row.name().optimizer()));
          share.ifPresent(shares::add);
          never += share.isEmpty() ? 1 : 0;
        }
      }
      double[] values =
          Stream.concat(shares.stream(), Collections.nCopies(never, Double.MAX_VALUE).stream())
              .mapToDouble(v -> v)
              .toArray();
      Summary summary = Summary.of(values);
      table.append(
          Report.format(
              "| %s | %s | %s to %s | %s |\n",
              finder.name(),
              share(summary.median()),
              share(summary.lowerQuartile()),
              share(summary.upperQuartile()),
              Report.format("%.1f %%", 100.0 * never / values.length)));
    }
    return table.append('\n').toString();
  }

  private static String share(double value) {
    return value > 1 ? "never" : Report.format("%.2f", value);
  }

  private String tasks() {
    List<Finder> shown =
        finders.stream()
            .filter(
                f ->
                    f.name().equals(Measurement.BY_DEFAULT)
                        || f.steps() == 100
                            && (f.name().equals(Measurement.OURS) || IN_FULL.contains(f.name()))
                        || f.name().equals(Finder.CONSTANTS))
            .toList();
    StringBuilder table = new StringBuilder("| mean regret (median rate) | start | best (rate) |");
    shown.forEach(
        f ->
            table.append(
                f.steps() == 0
                    ? " %s |".formatted(f.name())
                    : " %s, %d |".formatted(f.name(), f.steps())));
    table
        .append(" other statuses of `find` |\n|---|---|---|")
        .append("---|".repeat(shown.size() + 1))
        .append('\n');
    for (Row row : all) {
      table.append(
          Report.format(
              "| %s | %.3g | %.3g (%s) |",
              row.task(),
              row.truth().start(),
              row.truth().best(),
              Answers.rate(row.truth().bestRate())));
      for (Finder finder : shown) {
        List<Finder.Answer> answers = finder.answers().apply(row);
        double[] rates = answers.stream().flatMapToDouble(a -> a.lr().stream()).toArray();
        table.append(
            Report.format(
                " %s (%s) |",
                row.truth().worthwhile()
                    ? Report.format(
                        "%.3f",
                        answers.stream().mapToDouble(Finder.Answer::regret).average().orElseThrow())
                    : "-",
                rates.length == 0 ? "-" : Answers.rate(Summary.of(rates).median())));
      }
      table.append(
          " %s |\n"
              .formatted(
                  Answers.others(
                      row.of(Measurement.BY_DEFAULT, 0).stream().map(Run::status).toList())));
    }
    return table.append('\n').toString();
  }
}

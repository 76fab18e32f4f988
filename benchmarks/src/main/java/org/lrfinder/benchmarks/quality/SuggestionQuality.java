package org.lrfinder.benchmarks;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.models.Network;
import org.lrfinder.suggestion.Status;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Run as {@code java -cp benchmarks/target/benchmarks.jar
 * org.lrfinder.benchmarks.SuggestionQuality}: sweeps each task natively, and looks up what training
 * at the rates that three rules suggest would have lost against the best rate. The trainings at all
 * rates are done once for each task, with other weights and batches, and kept.
 */
@Command(
    name = "SuggestionQuality",
    description = "Measures what the rules' suggestions lose against the best rate.",
    mixinStandardHelpOptions = true)
final class SuggestionQuality implements Callable<Integer> {
  private record Range(double minLr, double maxLr) {}

  /** A rule over the range that its tool sweeps. */
  private record Contestant(String name, String rule, Range range) {}

  private static final Range OURS = new Range(1e-7, 10); // and fastai's

  private static final List<Contestant> CONTESTANTS =
      List.of(
          new Contestant("middle-of-fall", "middle-of-fall", OURS),
          new Contestant("Lightning 0.8.1", "steepest", new Range(1e-8, 1)),
          new Contestant("fastai's minimum", "minimum", OURS));
  private static final double BAD = 0.2;

  /** What a rule said after one sweep, and what that loses. */
  private record Run(
      Contestant contestant, int steps, Status status, OptionalDouble lr, double regret) {}

  /** A task with all that was said of it. */
  private record Row(String folder, String task, Truth truth, List<Run> runs) {
    Stream<Run> of(Contestant contestant, int steps) {
      return runs.stream().filter(run -> run.contestant == contestant && run.steps == steps);
    }

    double meanRegret(Contestant contestant, int steps) {
      return of(contestant, steps).mapToDouble(Run::regret).average().orElseThrow();
    }
  }

  @Spec private CommandSpec spec;

  @Option(
      names = "--tasks",
      split = ",",
      paramLabel = "FOLDER",
      description = "Folders of tasks, each with tables of its own. Default: ${DEFAULT-VALUE}")
  private List<Path> tasks =
      new ArrayList<>(
          List.of(Path.of("benchmarks/tasks/public"), Path.of("benchmarks/tasks/noisy")));

  @Option(
      names = "--data",
      paramLabel = "FOLDER",
      description = "Of data sets that do not lie beside their task. Default: ${DEFAULT-VALUE}")
  private Path data = Path.of("java/src/data");

  @Option(
      names = "--truth",
      paramLabel = "FOLDER",
      description = "Where the trainings' losses are kept. Default: ${DEFAULT-VALUE}")
  private Path truth = Path.of("benchmarks/target/truth");

  @Option(names = "--seeds", description = "Sweeps of each task. Default: ${DEFAULT-VALUE}")
  private int seeds = 5;

  @Option(names = "--steps", split = ",", description = "Of each sweep. Default: ${DEFAULT-VALUE}")
  private List<Integer> steps = new ArrayList<>(List.of(100, 300));

  @Option(names = "--out", paramLabel = "FILE", description = "Where the report is written too.")
  private Path out;

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new SuggestionQuality()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
    List<Row> rows = new ArrayList<>();
    for (Path folder : tasks) {
      for (Path file : files(folder)) {
        try (PointerScope scope = new PointerScope()) {
          rows.add(run(folder, new QualityTask(file, data)));
        }
      }
    }
    List<Row> counted = rows.stream().filter(row -> row.truth.worthwhile()).toList();
    StringBuilder report = new StringBuilder(header(rows, counted));
    Map<String, List<Row>> folders =
        counted.stream()
            .collect(Collectors.groupingBy(Row::folder, LinkedHashMap::new, Collectors.toList()));
    folders.forEach((folder, members) -> report.append(summary(folder, members)));
    if (folders.size() > 1) {
      report.append(summary("all", counted));
    }
    report.append(
        "Regret: 0 is the loss at the best rate, 1 the loss before training; no rate at all is 1. What a rule says counts whatever the status, but under \"OK\".\n\n");
    for (int count : steps) {
      report.append(table(rows, count));
    }
    Report.print(spec, report);
    Report.write(report, out);
    return 0;
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(file -> file.getFileName().toString().matches(".*--.*\\.json"))
          .sorted()
          .toList();
    }
  }

  private Row run(Path folder, QualityTask task) throws IOException {
    Path file = Truth.file(truth, task);
    Truth known;
    if (Files.exists(file)) {
      known = Truth.read(file);
    } else {
      progress("training %s".formatted(task.name()));
      known = Truth.measure(task);
      known.write(file);
    }
    progress("sweeping %s".formatted(task.name()));
    List<Run> runs = new ArrayList<>();
    for (int count : steps) {
      for (long seed = 1; seed <= seeds; seed++) {
        long sweepSeed = seed;
        Map<Range, LrFinderResult> sweeps = new HashMap<>();
        for (Contestant contestant : CONTESTANTS) {
          LrFinderResult found =
              sweeps.computeIfAbsent(
                  contestant.range(), range -> sweep(task, range, count, sweepSeed));
          OptionalDouble lr =
              found.suggestion(contestant.rule()).stream().mapToDouble(s -> s.lr()).findFirst();
          runs.add(new Run(contestant, count, found.status(), lr, known.regret(lr)));
        }
      }
    }
    return new Row(folder.getFileName().toString(), task.name(), known, runs);
  }

  private void progress(String line) {
    PrintWriter errors = spec.commandLine().getErr();
    errors.println(line);
    errors.flush();
  }

  private static LrFinderResult sweep(QualityTask task, Range range, int steps, long seed) {
    try (PointerScope scope = new PointerScope()) {
      Network network = task.network(seed);
      return LrFinder.builder()
          .engine(EngineChoice.NATIVE)
          .minLr(range.minLr())
          .maxLr(range.maxLr())
          .steps(steps)
          .threads(1)
          .build()
          .find(network.module(), task.optimizer(network, 1e-3), task.loss(), task.batches(seed));
    }
  }

  private String header(List<Row> rows, List<Row> counted) throws IOException {
    String dropped =
        rows.stream()
            .filter(row -> !counted.contains(row))
            .map(Row::task)
            .collect(Collectors.joining(", "));
    return Report.format(
        """
        %s- %d tasks, float32; native sweeps, %d of each with seeds of their own; truth: validation loss after training with 3 other seeds at 25 rates from 1e-5 to 10, each falling linearly to zero
        - left out, since no rate improves them by 5 %%: %s
        - command: `%s`

        """,
        Machine.describe(),
        rows.size(),
        seeds,
        dropped.isEmpty() ? "none" : dropped,
        Machine.command(
            SuggestionQuality.class, spec.commandLine().getParseResult().originalArgs()));
  }

  private String summary(String name, List<Row> rows) {
    StringBuilder table =
        new StringBuilder(
            "| %s, %d tasks | steps | mean regret | worst task | above 0.2 | OK: mean regret | above 0.2 | OK | other statuses |\n|---|---|---|---|---|---|---|---|---|\n"
                .formatted(name, rows.size()));
    for (int count : steps) {
      for (Contestant contestant : CONTESTANTS) {
        List<Run> runs = rows.stream().flatMap(row -> row.of(contestant, count)).toList();
        List<Run> ok = runs.stream().filter(run -> run.status == Status.OK).toList();
        table.append(
            Report.format(
                "| %s | %d | %s | %.2f | %s | %s | %s | %d of %d | %s |\n",
                contestant.name(),
                count,
                mean(runs),
                rows.stream()
                    .mapToDouble(row -> row.meanRegret(contestant, count))
                    .max()
                    .orElseThrow(),
                shareAbove(runs),
                mean(ok),
                shareAbove(ok),
                ok.size(),
                runs.size(),
                Answers.others(runs.stream().map(Run::status).toList())));
      }
    }
    return table.append('\n').toString();
  }

  private static String mean(List<Run> runs) {
    return runs.isEmpty()
        ? "-"
        : Report.format("%.3f", runs.stream().mapToDouble(Run::regret).average().orElseThrow());
  }

  private static String shareAbove(List<Run> runs) {
    return runs.isEmpty()
        ? "-"
        : Report.format(
            "%.1f %%", 100.0 * runs.stream().filter(run -> run.regret > BAD).count() / runs.size());
  }

  private String table(List<Row> rows, int count) {
    StringBuilder table =
        new StringBuilder(
            "| %d steps: mean regret (median rate) | start | best (rate) |".formatted(count));
    CONTESTANTS.forEach(contestant -> table.append(' ').append(contestant.name()).append(" |"));
    table.append(" OK |\n|---|---|---|").append("---|".repeat(CONTESTANTS.size())).append("---|\n");
    for (Row row : rows) {
      table.append(
          Report.format(
              "| %s/%s | %.3f | %.3f (%s) |",
              row.folder,
              row.task,
              row.truth.start(),
              row.truth.best(),
              Answers.rate(row.truth.bestRate())));
      for (Contestant contestant : CONTESTANTS) {
        double[] rates =
            row.of(contestant, count).flatMapToDouble(run -> run.lr.stream()).toArray();
        table.append(
            Report.format(
                " %s (%s) |",
                row.truth.worthwhile()
                    ? Report.format("%.3f", row.meanRegret(contestant, count))
                    : "-",
                rates.length == 0 ? "-" : Answers.rate(Summary.of(rates).median())));
      }
      table.append(
          " %d of %d |\n"
              .formatted(
                  row.of(CONTESTANTS.get(0), count).filter(run -> run.status == Status.OK).count(),
                  seeds));
    }
    return table.append('\n').toString();
  }
}

package org.lrfinder.benchmarks;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.Status;
import org.lrfinder.cli.Network;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.TensorBatches;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Run as {@code java -cp benchmarks/target/benchmarks.jar
 * org.lrfinder.benchmarks.SuggestionQuality}: sweeps each task of {@code benchmarks/tasks} natively
 * and trains it at what three rules suggest, from other weights and over other batches, the rate
 * falling linearly to zero. A rule without an answer leaves the loss where it started.
 */
@Command(
    name = "SuggestionQuality",
    description = "Trains at what the rules suggest and prints the validation losses.",
    mixinStandardHelpOptions = true)
final class SuggestionQuality implements Callable<Integer> {
  /** A rule over the range that its tool sweeps. */
  private record Contestant(String name, String rule, double minLr, double maxLr) {}

  private static final List<Contestant> CONTESTANTS =
      List.of(
          new Contestant("default", "default", 1e-7, 10),
          new Contestant("Lightning 0.8.1", "steepest", 1e-8, 1),
          new Contestant("fastai's minimum", "minimum", 1e-7, 10));
  private static final long TRAINING_SEEDS = 1000; // apart from those of the sweeps
  private static final double WORTHWHILE = 0.05; // of the start loss
  private static final double BAD = 0.2;

  @Spec private CommandSpec spec;

  @Option(names = "--tasks", description = "Folder of the tasks. Default: ${DEFAULT-VALUE}")
  private Path tasks = Path.of("benchmarks/tasks");

  @Option(names = "--seeds", description = "Sweeps of each task. Default: ${DEFAULT-VALUE}")
  private int seeds = 3;

  @Option(names = "--steps", description = "Of each sweep. Default: ${DEFAULT-VALUE}")
  private int steps = 100;

  @Option(names = "--out", paramLabel = "FILE", description = "Where the report is written too.")
  private Path out;

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new SuggestionQuality()).execute(arguments));
  }

  /** Sums over the seeds. */
  private static final class Score {
    final List<Double> rates = new ArrayList<>();
    double loss;
  }

  /** A task's scores, in the order of the contestants. */
  private record Row(String task, double start, int ok, List<Score> scores) {
    double best() {
      return scores.stream().mapToDouble(score -> score.loss).min().orElseThrow();
    }

    boolean isWorthwhile() {
      return best() < (1 - WORTHWHILE) * start;
    }

    /** 0 as good as the best of the contestants, 1 nothing learned. */
    double shortfall(int contestant) {
      return (scores.get(contestant).loss - best()) / (start - best());
    }
  }

  @Override
  public Integer call() throws IOException {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
    List<Path> files;
    try (Stream<Path> all = Files.list(tasks)) {
      files = all.filter(file -> file.toString().contains("--")).sorted().toList();
    }
    List<Row> rows = new ArrayList<>();
    for (Path file : files) {
      try (PointerScope scope = new PointerScope()) {
        rows.add(run(new QualityTask(file)));
      }
    }
    String report = header(rows) + table(rows) + summary(rows);
    PrintWriter console = spec.commandLine().getOut();
    console.print(report);
    console.flush();
    if (out != null) {
      Files.writeString(out, report);
    }
    return 0;
  }

  private Row run(QualityTask task) throws IOException {
    List<Score> scores = Stream.generate(Score::new).limit(CONTESTANTS.size()).toList();
    double start = 0;
    int ok = 0;
    for (int seed = 1; seed <= seeds; seed++) {
      double started = validationLoss(task, task.network(TRAINING_SEEDS + seed));
      start += started / seeds;
      for (int i = 0; i < CONTESTANTS.size(); i++) {
        LrFinderResult found = sweep(task, CONTESTANTS.get(i), seed);
        double lr =
            found.suggestion(CONTESTANTS.get(i).rule()).map(Suggestion::lr).orElse(Double.NaN);
        double trained = Double.isNaN(lr) ? started : train(task, lr, TRAINING_SEEDS + seed);
        scores.get(i).rates.add(lr);
        // Worse than no training is no worse than that; so is what is not finite.
        scores.get(i).loss += (trained < started ? trained : started) / seeds;
        ok += i == 0 && found.status() == Status.OK ? 1 : 0;
      }
    }
    return new Row(task.name(), start, ok, scores);
  }

  private LrFinderResult sweep(QualityTask task, Contestant contestant, long seed)
      throws IOException {
    Network network = task.network(seed);
    return LrFinder.builder()
        .engine(EngineChoice.NATIVE)
        .minLr(contestant.minLr())
        .maxLr(contestant.maxLr())
        .steps(steps)
        .rule(contestant.rule())
        .threads(1)
        .build()
        .find(
            network.module(),
            task.optimizer(network, 1e-3),
            Loss.CROSS_ENTROPY,
            task.batches(seed));
  }

  private static double train(QualityTask task, double lr, long seed) throws IOException {
    Network network = task.network(seed);
    Optimizer optimizer = task.optimizer(network, lr);
    OptimizerParamGroupVector groups = optimizer.param_groups();
    TensorBatches batches = task.batches(seed);
    int step = 0;
    for (long epoch = 0; step < task.steps(); epoch++) {
      for (Iterator<Batch> walk = batches.epoch(epoch); walk.hasNext() && step < task.steps(); ) {
        Batch batch = walk.next();
        try (PointerScope scope = new PointerScope()) {
          groups.get(0).options().set_lr(lr * (1 - step / (double) task.steps()));
          optimizer.zero_grad();
          torch
              .cross_entropy_loss(network.module().forward(batch.input()), batch.target())
              .backward();
          optimizer.step();
        }
        step++;
      }
    }
    return validationLoss(task, network);
  }

  private static double validationLoss(QualityTask task, Network network) {
    network.module().eval();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      return torch
          .cross_entropy_loss(
              network.module().forward(task.validationInputs), task.validationTargets)
          .item_double();
    } finally {
      network.module().train(true);
    }
  }

  private String header(List<Row> rows) throws IOException {
    return String.format(
        Locale.ROOT,
        """
        %s- %d tasks of benchmarks/tasks, float32; sweeps of %d steps by the native engine, %d of each with seeds of their own; training of 300 steps with other seeds, rate linearly to zero
        - command: `%s`

        """,
        Machine.describe(),
        rows.size(),
        steps,
        seeds,
        Machine.command(
            SuggestionQuality.class, spec.commandLine().getParseResult().originalArgs()));
  }

  private String table(List<Row> rows) {
    StringBuilder table =
        new StringBuilder("| validation loss after training (median rate) | start |");
    CONTESTANTS.forEach(contestant -> table.append(' ').append(contestant.name()).append(" |"));
    table.append(" OK |\n|---|---|").append("---|".repeat(CONTESTANTS.size())).append("---|\n");
    for (Row row : rows) {
      table.append(String.format(Locale.ROOT, "| %s | %.3f |", row.task, row.start));
      for (Score score : row.scores) {
        double[] rates = score.rates.stream().mapToDouble(Double::doubleValue).toArray();
        String best = score.loss == row.best() ? "**" : "";
        table.append(
            String.format(
                Locale.ROOT,
                " %s%.3f%s (%.1e) |",
                best,
                score.loss,
                best,
                Summary.of(rates).median()));
      }
      table.append(String.format(Locale.ROOT, " %d of %d |\n", row.ok, seeds));
    }
    return table.append('\n').toString();
  }

  private static String summary(List<Row> all) {
    List<Row> rows = all.stream().filter(Row::isWorthwhile).toList();
    StringBuilder table =
        new StringBuilder(
            "| %d tasks that some rule improves by 5 %% | mean shortfall | worst | tasks above 0.2 | best of the three |\n|---|---|---|---|---|\n"
                .formatted(rows.size()));
    for (int i = 0; i < CONTESTANTS.size(); i++) {
      int contestant = i;
      double[] shortfalls = rows.stream().mapToDouble(row -> row.shortfall(contestant)).toArray();
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %.3f | %.2f | %d | %d |\n",
              CONTESTANTS.get(i).name(),
              Arrays.stream(shortfalls).average().orElse(0),
              Summary.of(shortfalls).max(),
              Arrays.stream(shortfalls).filter(s -> s > BAD).count(),
              Arrays.stream(shortfalls).filter(s -> s == 0).count()));
    }
    return table
        .append(
            "\nShortfall: 0 is the loss of the best of the three on a task, 1 the loss before training.\n")
        .toString();
  }
}

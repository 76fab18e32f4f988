package org.lrfinder.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Run as {@code java -cp benchmarks/target/benchmarks.jar
 * org.lrfinder.benchmarks.ConfidentAnswers}: counts, over many seeds of tasks that are mostly
 * noise, how often an answer is OK and far off, a sweep stops before anything can diverge, and a
 * status misleads.
 */
@Command(
    name = "ConfidentAnswers",
    description = "Counts wrong answers that are given without a doubt.",
    mixinStandardHelpOptions = true)
final class ConfidentAnswers implements Callable<Integer> {
  /** The tables, by the letter that names them. */
  enum Table {
    A(
        "Logistic regression, 20 features, labels flipped, weights start at zero, SGD in plain Java; 1e-7..10, 100 seeds. The best rate is the one of 21 from 1e-4 to 10 with the lowest loss over all rows after 300 steps, the rate falling linearly to zero, 20 seeds",
        true,
        ZeroHeads::logisticRegression),
    B(
        "An MLP (20-32-2) on the same data by the native engine, last layer zeroed, and as it is by default; 1e-7..10, 20 seeds. Too low: SGD below 1e-2, AdamW below 1e-4",
        true,
        ZeroHeads::networks),
    C(
        "Early stops: 1e-7..10, 100 steps, nothing diverges before about step 80; below, the same searched with `autoRange().autoSteps(true)`, and regressions whose first rate is 0.3, two noises, 30 seeds",
        false,
        steps ->
            EarlyStops.falseStops() + "\n" + EarlyStops.searches() + "\n" + EarlyStops.trueStops()),
    D(
        "Made curves whose fall of two decades has ended at the last rate, or has not; 1e-7..10, 300 seeds, noise in parts of the fall",
        false,
        steps -> Plateaus.table()),
    E(
        "Lightning's BoringModel by `Trainer.builder().autoLrFind(true)`, one row a batch, SGD",
        false,
        steps -> BoringModel.table()),
    F(
        "Made curves, 1e-7..10, 100 steps counted from 0: one loss that is not a number, and noise alone",
        false,
        steps -> NotFinite.table());

    private final String title;
    private final boolean bySteps;
    private final Function<Integer, String> make;

    Table(String title, boolean bySteps, Function<Integer, String> make) {
      this.title = title;
      this.bySteps = bySteps;
      this.make = make;
    }
  }

  @Spec private CommandSpec spec;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "TABLE",
      description = "Of ${COMPLETION-CANDIDATES}, in any case. Default: all")
  private Set<Table> only = EnumSet.allOf(Table.class);

  @Option(
      names = "--steps",
      split = ",",
      description = "Of the sweeps of tables A and B, each in turn. Default: ${DEFAULT-VALUE}")
  private List<Integer> steps = new ArrayList<>(List.of(100, 300));

  @Option(names = "--out", paramLabel = "FILE", description = "Where the report is written too.")
  private Path out;

  public static void main(String[] arguments) {
    // What a training logs of a rate that was not found is counted here.
    System.setProperty("org.slf4j.simpleLogger.log.org.lrfinder", "error");
    System.exit(
        new CommandLine(new ConfidentAnswers())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
    StringBuilder report =
        new StringBuilder(Machine.describe())
            .append("- command: `")
            .append(
                Machine.command(
                    ConfidentAnswers.class, spec.commandLine().getParseResult().originalArgs()))
            .append("`\n");
    Report.print(spec, report);
    for (Table table : EnumSet.copyOf(only)) {
      for (int count : table.bySteps ? steps : List.of(steps.get(0))) {
        String text =
            "\n%s. %s%s.\n\n%s"
                .formatted(
                    table,
                    table.title,
                    table.bySteps ? "; %d steps".formatted(count) : "",
                    table.make.apply(count));
        report.append(text);
        Report.print(spec, text);
      }
    }
    Report.write(report, out);
    return 0;
  }
}

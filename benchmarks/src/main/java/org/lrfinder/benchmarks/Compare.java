package org.lrfinder.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Run as {@code java -cp benchmarks/target/benchmarks.jar org.lrfinder.benchmarks.Compare}: times
 * all contenders in turn, round by round, in one process, so that what slows the machine down slows
 * all of them, and prints a report in Markdown.
 */
@Command(
    name = "Compare",
    description = "Times sweeps of the library and loops that do the same without it, in turn.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class Compare implements Callable<Integer> {
  private static final double NANOS_PER_MICRO = 1000;

  @Spec private CommandSpec spec;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Counted rounds. Default: ${DEFAULT-VALUE}")
  private int rounds = 30;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Rounds before them. Default: ${DEFAULT-VALUE}")
  private int warmup = 50;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Steps of each sweep. Default: ${DEFAULT-VALUE}")
  private int steps = 100;

  @Option(
      names = "--hidden",
      paramLabel = "N",
      description = "Width of the hidden layer. Default: ${DEFAULT-VALUE}")
  private int hidden = 64;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of libtorch and of BLAS. Default: ${DEFAULT-VALUE}")
  private int threads = 1;

  @Option(
      names = "--base",
      paramLabel = "NAME",
      split = ",",
      description =
          "What the others are divided by; one that is missing is skipped. Default: bare,naive")
  private List<String> bases = List.of("bare", "naive");

  @Option(names = "--out", paramLabel = "FILE", description = "Where the report is written too.")
  private Path out;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Compare()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    torch.set_num_threads(threads);
    openblas_nolapack.blas_set_num_threads(threads);
    List<String> missing = new ArrayList<>();
    Map<String, double[]> micros = measure(Contender.all(Workload.of(hidden, steps), missing::add));

    String notes = missing.isEmpty() ? "" : "\n" + String.join("\n", missing) + "\n";
    String report = header() + medians(micros) + ratios(micros) + notes;
    Report.print(spec, report);
    Report.write(report, out);
    return 0;
  }

  /** Microseconds per step of each contender, round by round. */
  private Map<String, double[]> measure(List<Contender> contenders) {
    Map<String, double[]> micros = new LinkedHashMap<>();
    contenders.forEach(contender -> micros.put(contender.name(), new double[rounds]));
    for (int round = -warmup; round < rounds; round++) {
      for (Contender contender : contenders) {
        long start = System.nanoTime();
        int done = contender.sweep().get().length;
        long nanos = System.nanoTime() - start;
        if (done != steps) {
          throw new IllegalStateException(
              "%s did %d steps, not %d".formatted(contender.name(), done, steps));
        }
        if (round >= 0) {
          micros.get(contender.name())[round] = nanos / NANOS_PER_MICRO / steps;
        }
      }
    }
    return micros;
  }

  private String header() throws IOException {
    return Report.format(
        """
        %s- network: %d-%d-%d, ReLU, float32, cross entropy, batch %d; Adam, learning rate from 1e-8 to 1
        - %d rounds after %d of warm-up, %d steps each
        - command: `%s`

        """,
        Machine.describe(),
        Workload.INPUTS,
        hidden,
        Workload.CLASSES,
        Workload.BATCH_SIZE,
        rounds,
        warmup,
        steps,
        Machine.command(Compare.class, spec.commandLine().getParseResult().originalArgs()));
  }

  private static String medians(Map<String, double[]> micros) {
    StringBuilder table =
        new StringBuilder(
            "| microseconds per step | median | quartiles | least | most |\n|---|---|---|---|---|\n");
    micros.forEach((name, sample) -> table.append(row(name, Summary.of(sample), "%.1f")));
    return table.append('\n').toString();
  }

  private String ratios(Map<String, double[]> micros) {
    StringBuilder table =
        new StringBuilder(
            "| paired ratio | median | quartiles | least | most |\n|---|---|---|---|---|\n");
    for (String base : bases) {
      double[] denominators = micros.get(base);
      if (denominators == null) {
        continue;
      }
      micros.forEach(
          (name, sample) -> {
            if (!name.equals(base)) {
              table.append(
                  row(name + " / " + base, Summary.ofPairedRatios(sample, denominators), "%.3f"));
            }
          });
    }
    return table.toString();
  }

  private static String row(String name, Summary summary, String number) {
    return Report.format(
        "| %s | N | N to N | N | N |\n".replace("N", number),
        name,
        summary.median(),
        summary.lowerQuartile(),
        summary.upperQuartile(),
        summary.min(),
        summary.max());
  }
}

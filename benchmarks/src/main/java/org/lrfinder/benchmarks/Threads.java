package org.lrfinder.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.models.Network;
import org.lrfinder.sweep.Loss;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Run as {@code java -cp benchmarks/target/benchmarks.jar org.lrfinder.benchmarks.Threads}: times a
 * sweep with the library's own choice of thread counts and with counts set by hand, in turn. With
 * {@code -Dorg.bytedeco.openblas.load=mkl} and MKL's jars on the class path, on MKL.
 */
@Command(
    name = "Threads",
    description = "Times a sweep under several thread counts, in turn.",
    mixinStandardHelpOptions = true)
final class Threads implements Callable<Integer> {
  private static final int INPUTS = 64;
  private static final int CLASSES = 10;
  private static final int WARM_UP = 2;
  private static final int BLAS_DEFAULT = -1;

  @Spec private CommandSpec spec;

  @Option(names = "--width", description = "Of the hidden layers. Default: ${DEFAULT-VALUE}")
  private int width = 512;

  @Option(names = "--depth", description = "Hidden layers. Default: ${DEFAULT-VALUE}")
  private int depth = 2;

  @Option(names = "--batch-size", description = "Default: ${DEFAULT-VALUE}")
  private int batchSize = 64;

  @Option(names = "--steps", description = "Of each sweep. Default: ${DEFAULT-VALUE}")
  private int steps = 100;

  @Option(names = "--rounds", description = "Counted rounds. Default: ${DEFAULT-VALUE}")
  private int rounds = 30;

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Threads()).execute(arguments));
  }

  @Override
  public Integer call() {
    SequentialImpl network =
        Network.multilayerPerceptron(INPUTS, Collections.nCopies(depth, width), CLASSES).module();
    Adam optimizer = new Adam(network.parameters(), new AdamOptions());
    List<Batch> batches = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      batches.add(
          new Batch(
              torch.randn(batchSize, INPUTS),
              torch.randint(0, CLASSES, new long[] {batchSize}).to(ScalarType.Long)));
    }
    LrFinder finder = LrFinder.builder().steps(steps).noEarlyStop().build();
    LrFinderResult first = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);

    int all = torch.intraop_default_num_threads();
    Map<String, Runnable> choices = new LinkedHashMap<>();
    boolean openBlas = first.engine().blas().equals("OpenBLAS");
    choices.put("the library's choice", () -> set(all, openBlas ? BLAS_DEFAULT : all));
    choices.put("libtorch 1, BLAS 1", () -> set(1, 1));
    choices.put("libtorch 1, BLAS " + all, () -> set(1, all));
    choices.put("libtorch " + all + ", BLAS 1", () -> set(all, 1));
    choices.put("libtorch %d, BLAS %d".formatted(all, all), () -> set(all, all));

    Map<String, double[]> times = new LinkedHashMap<>();
    choices.keySet().forEach(name -> times.put(name, new double[rounds]));
    for (int round = -WARM_UP; round < rounds; round++) {
      for (Map.Entry<String, Runnable> choice : choices.entrySet()) {
        choice.getValue().run();
        // Untimed: the threads of the choice before spin on for a while.
        finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);
        long start = System.nanoTime();
        finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);
        if (round >= 0) {
          times.get(choice.getKey())[round] = (System.nanoTime() - start) / 1e3 / steps;
        }
      }
    }
    print(first, times);
    return 0;
  }

  private static void set(int libtorch, int blas) {
    torch.set_num_threads(libtorch);
    openblas_nolapack.blas_set_num_threads(blas);
  }

  private void print(LrFinderResult first, Map<String, double[]> times) {
    double[] own = times.values().iterator().next();
    StringBuilder table =
        new StringBuilder(
            Report.format(
                "%s, %d hidden layers of %d, batch %d, %d rounds%n%n"
                    + "| thread counts | microseconds per step | quartiles | the library's choice / this |%n|---|---|---|---|%n",
                first.engine().blas(), depth, width, batchSize, rounds));
    times.forEach(
        (name, sample) -> {
          Summary time = Summary.of(sample);
          table.append(
              Report.format(
                  "| %s | %.0f | %.0f to %.0f | %.3f |%n",
                  name,
                  time.median(),
                  time.lowerQuartile(),
                  time.upperQuartile(),
                  Summary.ofPairedRatios(own, sample).median()));
        });
    Report.print(spec, table);
  }
}

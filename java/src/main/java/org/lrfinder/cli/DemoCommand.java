package org.lrfinder.cli;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.FlattenImpl;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.UnflattenImpl;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.export.CurveCsv;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.TensorBatches;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lrfinder demo}: a small convolutional network on the digits data. */
@Command(
    name = "demo",
    description =
        "Finds a learning rate for a small convolutional network and AdamW on handwritten digits.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class DemoCommand implements Callable<Integer> {
  private static final int SEED = 1;
  private static final int BATCH_SIZE = 32;

  @Spec private CommandSpec spec;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for lr.png and lr.csv; made if missing. Default: ${DEFAULT-VALUE}")
  private Path out = Path.of("lrfinder-demo");

  @Option(
      names = "--engine",
      paramLabel = "ENGINE",
      description = "One of ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}")
  private EngineChoice engine = EngineChoice.AUTO;

  @Override
  public Integer call() throws Exception {
    Files.createDirectories(out);
    try (PointerScope scope = new PointerScope();
        Digits digits = Digits.load()) {
      torch.manual_seed(SEED);
      SequentialImpl network = network();
      AdamW optimizer = new AdamW(network.parameters(), new AdamWOptions());
      TensorBatches batches =
          TensorBatches.of(digits.pixels(), digits.classes(), BATCH_SIZE).shuffled(SEED);

      LrFinderResult found =
          LrFinder.builder()
              .engine(engine)
              .build()
              .find(network, optimizer, Loss.CROSS_ENTROPY, batches);

      report(found);
      return found.suggestion().isPresent() ? 0 : 1;
    }
  }

  private void report(LrFinderResult found) {
    Path png = out.resolve("lr.png");
    Path csv = out.resolve("lr.csv");
    found.plot(true).save(png);
    CurveCsv.write(found.results(), csv);

    PrintWriter console = spec.commandLine().getOut();
    console.printf(
        Locale.ROOT,
        "device %s, %s engine, %d threads, libtorch %s%n",
        found.engine().device(),
        found.engine().engine(),
        found.engine().threads(),
        found.engine().libtorch());
    console.printf(
        Locale.ROOT,
        "sweep: %s (%d of %d steps)%n",
        found.endReason().words(),
        found.results().size(),
        found.settings().steps());
    found
        .suggestion()
        .ifPresentOrElse(
            s ->
                console.printf(
                    Locale.ROOT, "suggested learning rate: %.3e (rule %s)%n", s.lr(), s.rule()),
            () -> console.printf("no suggestion: %s%n", found.status().words()));
    console.printf("wrote %s and %s%n", png, csv);
    console.flush();
  }

  private static SequentialImpl network() {
    Conv2dOptions convolution = new Conv2dOptions(1, 8, new LongPointer(3, 3));
    SequentialImpl network = new SequentialImpl();
    network.push_back(new UnflattenImpl(1, new LongVector(1, 8, 8)));
    network.push_back(new Conv2dImpl(convolution));
    network.push_back(new ReLUImpl());
    network.push_back(new FlattenImpl());
    network.push_back(new LinearImpl(8 * 6 * 6, 10));
    return network;
  }
}

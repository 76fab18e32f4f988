package org.lrfinder.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.internal.models.Limits;
import org.lrfinder.internal.models.Network;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.ScheduleMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code lrfinder demo}: a small convolutional network on the digits data, which ships with it:
 * 1797 images of 8 by 8 pixels (E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten
 * Digits, UCI Machine Learning Repository, 1998, CC BY 4.0).
 */
@Command(
    name = "demo",
    description =
        "Finds a learning rate for a small convolutional network and AdamW on handwritten digits, and trains with it.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class DemoCommand implements Callable<Integer> {
  private static final int SEED = 1;
  private static final int BATCH_SIZE = 32;
  private static final int EPOCHS = 3;
  private static final double DEFAULT_RATE = 1e-3; // of AdamW in PyTorch
  private static final OptimizerKind OPTIMIZER = OptimizerKind.ADAMW;

  @Spec private CommandSpec spec;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Folder for lr.png, lr.svg, lr.csv and lr.json; made if missing, earlier ones are replaced. Default: ${DEFAULT-VALUE}")
  private Path out = Path.of("lrfinder-demo");

  @Mixin private ReportOption page = new ReportOption();

  @Mixin private AnswerOptions answer = new AnswerOptions();

  @Override
  public Integer call() throws IOException, InterruptedException {
    Launched.requireAlone("demo");
    int steps = answer.steps(ScheduleMode.EXPONENTIAL);
    LrFinder.Builder finder =
        answer.applyTo(
            LrFinder.builder().minLr(AnswerOptions.MIN_LR).maxLr(AnswerOptions.MAX_LR).steps(steps),
            steps);
    String device = answer.device();
    SweepReport.makeFolder("--out", out);
    page.requireWritable();
    PrintWriter console = spec.commandLine().getOut();
    int columns = Terminal.columns(spec);
    try (PointerScope scope = new PointerScope()) {
      DataSet digits = digits().on(device);
      int train = digits.rows() * 3 / 4; // the rest validates
      torch.manual_seed(SEED);
      Tensor order = torch.randperm(digits.rows()).to(digits.inputs().device(), ScalarType.Long);
      Batch first = rows(digits, order.narrow(0, 0, train));
      Batch rest = rows(digits, order.narrow(0, train, digits.rows() - train));
      TensorBatches batches =
          TensorBatches.of(first.input(), first.target(), BATCH_SIZE).shuffled(SEED);
      Network network = network();

      LrFinderResult found =
          SweepReport.withProgress(
              finder,
              SweepTask.of(
                  network.module(),
                  OPTIMIZER.over(network.module().parameters(), DEFAULT_RATE, Map.of()),
                  Loss.CROSS_ENTROPY,
                  batches),
              columns,
              answer.watched());

      if (found.endReason() == EndReason.CANCELLED) {
        return Main.INTERRUPTED;
      }
      SweepReport report = new SweepReport(console, columns);
      report.print(found);
      report.write(found, out, answer.marksRules());
      page.write(found::report, console);
      found.suggestion().ifPresent(suggestion -> compare(batches, rest, suggestion, console));
      console.flush();
      return Thread.interrupted() ? Main.INTERRUPTED : SweepReport.exitCode(found);
    }
  }

  private static Batch rows(DataSet data, Tensor indices) {
    return new Batch(
        data.inputs().index_select(0, indices), data.targets().index_select(0, indices));
  }

  private void compare(
      TensorBatches batches, Batch validation, Suggestion suggestion, PrintWriter console) {
    console.printf(Locale.ROOT, "%nvalidation accuracy after %d epochs:%n", EPOCHS);
    for (double lr : new double[] {DEFAULT_RATE, suggestion.lr()}) {
      Training training = new Training(network(), OPTIMIZER, lr, batches);
      double accuracy = training.accuracyAfter(EPOCHS, validation);
      String which = lr == DEFAULT_RATE ? "AdamW's default" : "the suggestion";
      console.printf(Locale.ROOT, "  %.1f%% at %s, %.2e%n", 100 * accuracy, which, lr);
    }
  }

  private static DataSet digits() throws IOException, InterruptedException {
    try (InputStream in = DemoCommand.class.getResourceAsStream("digits.csv.gz")) {
      Table table = Table.read(in, "digits.csv.gz", "target", Limits.USUAL);
      return DataSet.of(table, DataSet.Task.CLASSIFICATION);
    }
  }

  /** The same initial weights each time. */
  private Network network() {
    torch.manual_seed(SEED);
    Network network =
        Network.parse(
            """
        [{"type": "unflatten", "shape": [1, 8, 8]},
         {"type": "conv2d", "in": 1, "out": 8, "kernel": 3},
         {"type": "relu"},
         {"type": "flatten"},
         {"type": "linear", "in": 288, "out": 10}]
        """);
    answer.place(network);
    return network;
  }
}

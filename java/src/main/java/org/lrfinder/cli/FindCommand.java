package org.lrfinder.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.Comparison;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.export.ResultJson;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;
import org.lrfinder.internal.models.Network;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.ScheduleMode;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lrfinder find}: a network on a table. */
@Command(
    name = "find",
    description = "Finds a learning rate for a network on the rows of a CSV file.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  A network of two hidden layers, with plots and figures in the folder wine:",
      "    lrfinder find --data wine.csv --target class --hidden 64,64 --out wine",
      "  A network of your own, Lightning's rule, one line of JSON for a script:",
      "    zcat big.csv.gz |",
      "      lrfinder find --data - --target y --model net.json --rule steepest --json",
      "  Three weight decays, laid over one another:",
      "    lrfinder find --data wine.csv --target class --out decays \\",
      "      --compare weight-decay=0,1e-4,1e-2",
      "",
      "A network in JSON, such as net.json:",
      "    [{\"type\": \"linear\", \"in\": 13, \"out\": 32}, {\"type\": \"relu\"},",
      "     {\"type\": \"linear\", \"in\": 32, \"out\": 3}]"
    })
final class FindCommand implements Callable<Integer> {
  private static final double OWN_RATE = 1e-3; // of the optimizer, which a sweep does not use

  @Spec private CommandSpec spec;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description =
          "CSV file in UTF-8 with a header line, or the same gzipped; - reads the standard input. Columns are standardised.")
  private Path data;

  @Option(
      names = "--target",
      required = true,
      paramLabel = "COLUMN",
      description = "Column to predict; all others are inputs.")
  private String target;

  @Option(
      names = "--task",
      paramLabel = "TASK",
      description =
          "classification or regression. Default: classification if the target has words, or whole numbers of at most 20 kinds; else regression.")
  private DataSet.@Nullable Task task;

  @ArgGroup private NetworkChoice network = new NetworkChoice();

  /** Which network. */
  static final class NetworkChoice {
    @Option(
        names = "--model",
        paramLabel = "FILE",
        description = "JSON array of layers, alone or as the field \"model\".")
    private @Nullable Path model;

    @Option(
        names = "--hidden",
        split = ",",
        paramLabel = "WIDTHS",
        hideParamSyntax = true,
        description = "Widths of the hidden layers, with ReLU between. Default: 64,64")
    private List<Integer> hidden = List.of(64, 64);
  }

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}")
  private OptimizerKind optimizer = OptimizerKind.ADAMW;

  @Option(
      names = "--batch-size",
      paramLabel = "ROWS",
      description = "Rows in a batch. Default: ${DEFAULT-VALUE}")
  private int batchSize = 32;

  @Option(
      names = "--min-lr",
      paramLabel = "RATE",
      description = "First learning rate. Default: ${DEFAULT-VALUE}")
  private double minLr = AnswerOptions.MIN_LR;

  @Option(
      names = "--max-lr",
      paramLabel = "RATE",
      description = "Last learning rate. Default: ${DEFAULT-VALUE}")
  private double maxLr = AnswerOptions.MAX_LR;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Optimizer steps. Default: ${DEFAULT-VALUE}")
  private int steps = AnswerOptions.STEPS;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description = "exponential or linear. Default: exponential")
  private ScheduleMode mode = ScheduleMode.EXPONENTIAL;

  @Mixin private AnswerOptions answer = new AnswerOptions();

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads; 0 lets the engine choose. Default: ${DEFAULT-VALUE}")
  private int threads = 0;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of initial weights and order of rows. Default: ${DEFAULT-VALUE}")
  private long seed = 1;

  @Option(
      names = "--compare",
      paramLabel = "SETTING=VALUES",
      converter = Setting.Converter.class,
      description =
          "Sweep with each value and lay the curves over one another: weight-decay, momentum or batch-size, such as weight-decay=0,1e-4,1e-2. With --out: compare.png, compare.svg, compare.md.")
  private @Nullable Setting compare;

  @Option(
      names = "--limit",
      paramLabel = "NAME=N",
      completionCandidates = UsualLimits.class,
      description =
          "Raise or lower a limit of what is taken, which may be given more than once. Defaults: ${COMPLETION-CANDIDATES}")
  private Map<Limit, Long> limits = Map.of();

  /** Of the library of networks. */
  static final class UsualLimits implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Limits.usual().iterator();
    }
  }

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Folder for lr.png, lr.svg, lr.csv and lr.json; made if missing, earlier ones are replaced.")
  private @Nullable Path out;

  @Mixin private ReportOption report = new ReportOption();

  @Option(names = "--json", description = "Print the result as one line of JSON and nothing else.")
  private boolean json;

  @Override
  public Integer call() throws InterruptedException {
    LrFinder.Builder finder =
        answer.applyTo(
            LrFinder.builder().minLr(minLr).maxLr(maxLr).steps(steps).mode(mode).threads(threads));
    if (batchSize < 1) {
      throw new InputException("--batch-size is " + batchSize + ", but must be at least 1");
    }
    Limits limits = InputException.ifRefused(() -> new Limits(this.limits));
    InputException.ifRefused(
        () -> limits.require(answer.mostSteps(steps), Limit.STEPS, "what is asked for"));
    if (out != null) {
      SweepReport.makeFolder("--out", out);
    }
    report.requireWritable();
    String device = answer.device();
    try (PointerScope scope = new PointerScope()) {
      DataSet dataSet = DataSet.of(Table.read(data, target, limits), task).on(device);
      torch.manual_seed(seed);
      Network made = InputException.ifRefused(() -> made(dataSet, limits));
      answer.place(made);
      Optimizer over = optimizer.over(made.module().parameters(), OWN_RATE, Map.of());
      TensorBatches batches = batches(dataSet, batchSize);
      checkFits(made, dataSet, batches);
      Loss loss = dataSet.task() == DataSet.Task.CLASSIFICATION ? Loss.CROSS_ENTROPY : Loss.MSE;
      if (compare != null) {
        return compare(finder, dataSet, made, loss, compare);
      }

      LrFinderResult found =
          SweepReport.withProgress(
              finder,
              SweepTask.of(made.module(), over, loss, batches),
              Terminal.columns(spec),
              answer.watched());

      if (found.endReason() == EndReason.CANCELLED) {
        return Main.INTERRUPTED;
      }
      report(found, dataSet);
      return SweepReport.exitCode(found);
    }
  }

  private int compare(
      LrFinder.Builder finder, DataSet dataSet, Network made, Loss loss, Setting setting) {
    Map<String, SweepTask<?>> tasks = new LinkedHashMap<>();
    for (double value : setting.values()) {
      TensorVector parameters = made.module().parameters();
      Optimizer over =
          InputException.ifRefused(
              () -> optimizer.over(parameters, OWN_RATE, setting.options(value)));
      int rows = setting.kind() == Setting.Kind.BATCH_SIZE ? (int) value : batchSize;
      TensorBatches batches = batches(dataSet, rows);
      tasks.put(setting.name(value), SweepTask.of(made.module(), over, loss, batches));
    }
    Comparison compared = Comparison.sweep(finder.build(), tasks);
    if (Thread.currentThread().isInterrupted()) {
      return Main.INTERRUPTED;
    }
    PrintWriter console = spec.commandLine().getOut();
    if (json) {
      console.println(
          compared.entries().stream()
              .map(entry -> "\"" + entry.setting() + "\":" + ResultJson.toJson(entry.result()))
              .collect(Collectors.joining(",", "{", "}")));
    } else {
      console.print(compared.table());
    }
    if (out != null) {
      new SweepReport(json ? spec.commandLine().getErr() : console, Terminal.columns(spec))
          .write(compared, out);
    }
    report.write(compared::report, json ? spec.commandLine().getErr() : console);
    console.flush();
    return compared.entries().stream().anyMatch(entry -> entry.result().suggestion().isPresent())
        ? 0
        : Main.NO_SUGGESTION;
  }

  private Network made(DataSet dataSet, Limits limits) {
    return network.model != null
        ? Network.read(network.model, limits)
        : Network.multilayerPerceptron(
            dataSet.features(), network.hidden, dataSet.outputs(), limits);
  }

  private TensorBatches batches(DataSet dataSet, int rows) {
    int size = Math.min(rows, dataSet.rows());
    if (size < rows) {
      spec.commandLine()
          .getErr()
          .printf(
              Locale.ROOT,
              "lrfinder: %s has %d rows, all of which make one batch%n",
              Table.nameOf(data),
              size);
    }
    return TensorBatches.of(dataSet.inputs(), dataSet.targets(), size).shuffled(seed);
  }

  /** A network from a file may not take these columns, or not give one output for each class. */
  private void checkFits(Network made, DataSet dataSet, TensorBatches batches) {
    if (network.model == null) {
      return;
    }
    Batch first = batches.iterator().next();
    boolean training = made.module().is_training();
    made.module().eval(); // leaves the statistics of batch norm alone
    String problem = null;
    try {
      Tensor output = made.module().forward(first.input());
      if (output.dim() != 2 || output.size(1) != dataSet.outputs()) {
        problem =
            "its output has " + output.dim() + " dimensions and " + output.size(-1) + " columns";
      }
    } catch (RuntimeException e) {
      problem = String.valueOf(e.getMessage()).lines().findFirst().orElse("it failed");
    }
    made.module().train(training);
    if (problem != null) {
      throw new InputException(
          "%s does not fit %s, which needs %d inputs and %d outputs: %s"
              .formatted(
                  network.model,
                  Table.nameOf(data),
                  dataSet.features(),
                  dataSet.outputs(),
                  problem));
    }
  }

  private void report(LrFinderResult found, DataSet dataSet) {
    PrintWriter console = spec.commandLine().getOut();
    if (json) {
      console.println(ResultJson.toJson(found));
    } else {
      console.printf(
          Locale.ROOT,
          "%s: %d rows, %d inputs, %s%n",
          Table.nameOf(data),
          dataSet.rows(),
          dataSet.features(),
          dataSet.task() == DataSet.Task.CLASSIFICATION
              ? dataSet.outputs() + " classes"
              : "a number to predict");
      new SweepReport(console, Terminal.columns(spec)).print(found);
    }
    if (out != null) {
      new SweepReport(json ? spec.commandLine().getErr() : console, Terminal.columns(spec))
          .write(found, out, answer.marksRules());
    }
    report.write(found::report, json ? spec.commandLine().getErr() : console);
    console.flush();
  }
}

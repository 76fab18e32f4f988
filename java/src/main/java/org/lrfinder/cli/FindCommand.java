package org.lrfinder.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.Comparison;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.distributed.Distributed;
import org.lrfinder.export.ResultJson;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lrfinder find}: a network on a table. */
@Command(
    name = "find",
    description =
        "Finds a learning rate for a network on the rows of a CSV file, or for a model and arrays from Python.",
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
      "  A model that Python exported, with its data, on Adam of other betas:",
      "    lrfinder find --script model.pt --inputs data.npz:x --targets data.npz:y \\",
      "      --optimizer adam --betas 0.9,0.95",
      "",
      "A network in JSON, such as net.json:",
      "    [{\"type\": \"linear\", \"in\": 13, \"out\": 32}, {\"type\": \"relu\"},",
      "     {\"type\": \"linear\", \"in\": 32, \"out\": 3}]"
    })
final class FindCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @ArgGroup(multiplicity = "1")
  private DataChoice data;

  @ArgGroup private NetworkChoice network = new NetworkChoice();

  @Mixin private OptimizerChoice optimizer = new OptimizerChoice();

  @Option(
      names = "--loss",
      paramLabel = "NAME",
      converter = LossOption.Converter.class,
      completionCandidates = LossOption.Names.class,
      description = "${COMPLETION-CANDIDATES}. Default: cross_entropy for classes, mse for numbers")
  private @Nullable Loss loss;

  @Option(
      names = "--batch-size",
      paramLabel = "ROWS",
      description = "Rows in a batch. Default: ${DEFAULT-VALUE}")
  private int batchSize = 32;

  @Option(
      names = "--shuffle",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description =
          "Shuffle the rows anew each time that all were seen; else they come in the order of the file. Default: on")
  private boolean shuffle;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Of initial weights, which a script brings along, of dropout and of the order of rows. Default: ${DEFAULT-VALUE}")
  private long seed = 1;

  @Mixin private SweepChoice sweep = new SweepChoice();

  @Mixin private AnswerOptions answer = new AnswerOptions();

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

  private @Nullable Distributed group; // of the processes that this one was started with

  @Override
  public Integer call() throws InterruptedException {
    if (!Distributed.isLaunched()) {
      return find();
    }
    try (Distributed others = Launched.joined()) {
      group = others;
      return find();
    }
  }

  /** Whether this is the process that prints and writes. */
  private boolean isFirst() {
    return group == null || group.isFirst();
  }

  private Integer find() throws InterruptedException {
    LrFinder.Builder finder =
        answer.applyTo(sweep.applyTo(LrFinder.builder(), answer), sweep.steps(answer));
    if (batchSize < 1) {
      throw new InputException("--batch-size is " + batchSize + ", but must be at least 1");
    }
    Limits limits = InputException.ifRefused(() -> new Limits(this.limits));
    InputException.ifRefused(
        () ->
            limits.require(
                answer.mostSteps(sweep.steps(answer)), Limit.STEPS, "what is asked for"));
    if (isFirst()) {
      if (out != null) {
        SweepReport.makeFolder("--out", out);
      }
      report.requireWritable();
    }
    String device = answer.device();
    try (PointerScope scope = new PointerScope()) {
      Script script = network.script(limits);
      DataSet read =
          data.read(
              loss, script == null ? ScalarType.Float : script.type(), script != null, limits);
      torch.manual_seed(seed);
      SweptNetwork swept = script == null ? network.layersFor(read, limits) : script;
      try (Device there = Devices.of(device)) {
        swept.to(there); // before its optimizer is made
      }
      DataSet dataSet = fitting(swept, read.on(device));
      if (!isFirst()) {
        torch.manual_seed(seed + group.rank()); // else all have the same dropout
      }
      if (compare != null) {
        return compare(finder, dataSet, swept, compare);
      }
      Optimizer over = optimizer.over(swept.parameters(), Map.of());
      SweepTask<Batch> task = task(swept, over, dataSet, batchSize);
      LrFinderResult found =
          isFirst()
              ? SweepReport.withProgress(finder, task, Terminal.columns(spec), answer.watched())
              : finder.build().find(task);

      if (found.endReason() == EndReason.CANCELLED) {
        return Main.INTERRUPTED;
      }
      if (isFirst()) {
        report(found, dataSet);
      }
      return SweepReport.exitCode(found);
    }
  }

  private Loss lossOf(DataSet dataSet) {
    return loss != null ? loss : LossOption.of(dataSet.task());
  }

  /** Says so if a script was exported for inference. */
  private DataSet fitting(SweptNetwork swept, DataSet dataSet) {
    int rows = Math.min(batchSize, dataSet.rows());
    DataSet fitting = new Fit(network.name(), swept, dataSet, lossOf(dataSet)).checked(rows);
    torch.manual_seed(seed); // again: the trial may have drawn numbers for dropout
    if (swept instanceof Script script && script.isInEvalMode()) {
      say(
          "%s was exported in eval mode: dropout is off and batch norm keeps its statistics, if there are any; call model.train() before the export",
          network.name());
    }
    return fitting;
  }

  private int compare(
      LrFinder.Builder finder, DataSet dataSet, SweptNetwork swept, Setting setting) {
    Map<String, SweepTask<?>> tasks = new LinkedHashMap<>();
    for (double value : setting.values()) {
      Optimizer over = optimizer.over(swept.parameters(), setting.options(value));
      int rows = setting.kind() == Setting.Kind.BATCH_SIZE ? (int) value : batchSize;
      tasks.put(setting.name(value), task(swept, over, dataSet, rows));
    }
    Comparison compared = Comparison.sweep(finder.build(), tasks);
    if (Thread.currentThread().isInterrupted()
        || compared.entries().stream()
            .anyMatch(entry -> entry.result().endReason() == EndReason.CANCELLED)) {
      return Main.INTERRUPTED;
    }
    if (isFirst()) {
      report(compared);
    }
    return compared.entries().stream().anyMatch(entry -> entry.result().suggestion().isPresent())
        ? 0
        : Main.NO_SUGGESTION;
  }

  private void report(Comparison compared) {
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
  }

  private SweepTask<Batch> task(SweptNetwork swept, Optimizer over, DataSet dataSet, int rows) {
    SweepTask<Batch> task = swept.task(over, lossOf(dataSet), batches(dataSet, rows));
    return group == null ? task : task.across(group);
  }

  private TensorBatches batches(DataSet dataSet, int rows) {
    int ranks = group == null ? 1 : group.ranks();
    int size = Math.min(rows, Math.max(dataSet.rows() / ranks, 1));
    if (size < rows) {
      say("%s has %d rows, all of which make one batch", dataSet.name(), dataSet.rows());
    }
    TensorBatches batches = TensorBatches.of(dataSet.inputs(), dataSet.targets(), size);
    TensorBatches ordered = shuffle ? batches.shuffled(seed) : batches;
    return group == null
        ? ordered
        : InputException.ifRefused(() -> ordered.shard(group.rank(), group.ranks()));
  }

  private void say(String format, Object... arguments) {
    if (!isFirst()) {
      return;
    }
    String message = format.formatted(arguments);
    spec.commandLine().getErr().println("lrfinder: " + Words.printable(message));
  }

  private void report(LrFinderResult found, DataSet dataSet) {
    PrintWriter console = spec.commandLine().getOut();
    if (json) {
      console.println(ResultJson.toJson(found));
    } else {
      console.println(Words.printable(dataSet.words()));
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

package org.lrfinder.benchmarks.quality;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.benchmarks.Machine;
import org.lrfinder.benchmarks.Report;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Run as {@code java -cp benchmarks/target/benchmarks.jar
 * org.lrfinder.benchmarks.quality.SuggestionQuality}: measures what training at the rates that
 * finders suggest loses against the best rate. What is measured of a task is kept, so that a run
 * that was ended goes on where it was.
 */
@Command(
    name = "SuggestionQuality",
    description = "Measures what training at suggested rates loses against the best rate.",
    mixinStandardHelpOptions = true)
final class SuggestionQuality implements Callable<Integer> {
  private static final int SHORT = 4; // every so manieth network, each with two optimizers
  private static final List<String> SHORT_OPTIMIZERS = List.of("sgd", "adam");

  @Spec private CommandSpec spec;

  @Option(
      names = "--tasks",
      split = ",",
      paramLabel = "FOLDER",
      description =
          "Folders of tasks, each with tables of its own; the constant of each optimizer is fitted on those named public and noisy. Default: ${DEFAULT-VALUE}")
  private List<Path> folders =
      new ArrayList<>(
          Stream.of("public", "noisy", "unseen", "shifted")
              .map(Path.of("benchmarks/tasks")::resolve)
              .toList());

  @Option(
      names = "--data",
      paramLabel = "FOLDER",
      description = "Of data sets that do not lie beside their task. Default: ${DEFAULT-VALUE}")
  private Path data = Path.of("java/src/data");

  @Option(
      names = "--work",
      paramLabel = "FOLDER",
      description = "Where what was measured is kept. Default: ${DEFAULT-VALUE}")
  private Path work = Path.of("benchmarks/target/quality");

  @Option(names = "--seeds", description = "Sweeps of each task. Default: ${DEFAULT-VALUE}")
  private int seeds = 5;

  @Option(
      names = "--steps",
      split = ",",
      description = "Of each finder's sweeps, in turn. Default: ${DEFAULT-VALUE}")
  private List<Integer> steps = new ArrayList<>(List.of(50, 100, 200, 300));

  @Option(
      names = "--repeats",
      description =
          "Answers to each task with Adam, to see whether their median lies in their intervals. Default: ${DEFAULT-VALUE}")
  private int repeats = 100;

  @Option(
      names = "--short",
      description =
          "Every fourth network with SGD and Adam, two sweeps each, no repeats, and no long trainings: minutes.")
  private boolean isShort;

  @Option(names = "--jobs", description = "Processes at a time. Default: the number of processors")
  private int jobs = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "Where suggestions.md, .csv.gz and .png are written too.")
  private @Nullable Path out;

  /**
   * Of a process that was started by another: a file with the number of what is to be done next.
   */
  @Option(names = "--next", hidden = true)
  private @Nullable Path shared;

  private @Nullable String code; // its digest
  private int done; // tasks and long trainings, if by this process alone

  public static void main(String[] arguments) {
    System.setProperty("org.slf4j.simpleLogger.log.org.lrfinder", "error");
    System.exit(commandLine().execute(arguments));
  }

  /** What a started process is told of its job outweighs what the user said. */
  static CommandLine commandLine() {
    return new CommandLine(new SuggestionQuality()).setOverwrittenOptionsAllowed(true);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
    if (isShort) {
      seeds = 2;
      repeats = 0;
    }
    List<Path> tasks = tasks();
    if (tasks.isEmpty()) {
      throw new IllegalArgumentException("there is no task in " + folders);
    }
    Measurement.Plan plan = new Measurement.Plan(seeds, steps, repeats);
    if (shared != null || jobs == 1) {
      measure(tasks, plan);
    } else if (!inProcesses()) {
      return 1;
    }
    if (shared == null) {
      report(tasks, plan);
    }
    return 0;
  }

  private List<Path> tasks() throws IOException {
    List<Path> all = new ArrayList<>();
    for (Path folder : folders) {
      List<Path> own;
      try (Stream<Path> files = Files.list(folder)) {
        own =
            files
                .filter(file -> file.getFileName().toString().matches(".*--.*\\.json"))
                .sorted()
                .toList();
      }
      List<String> networks =
          own.stream().map(file -> Task.Name.of(file).network()).distinct().toList();
      own.stream()
          .filter(
              file ->
                  !isShort
                      || networks.indexOf(Task.Name.of(file).network()) % SHORT == 0
                          && SHORT_OPTIMIZERS.contains(Task.Name.of(file).optimizer()))
          .forEach(all::add);
    }
    return all;
  }

  /** Starts as many of this program as there are jobs, which share the tasks. */
  private boolean inProcesses() throws IOException, InterruptedException {
    List<Process> processes = new ArrayList<>();
    Path next = Files.createTempFile("suggestion-quality", "");
    try {
      for (int k = 0; k < jobs; k++) {
        List<String> command =
            new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java")));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), getClass().getName()));
        command.addAll(spec.commandLine().getParseResult().originalArgs());
        command.add("--next=" + next);
        processes.add(new ProcessBuilder(command).inheritIO().start());
      }
      boolean fine = true;
      for (Process process : processes) {
        fine &= process.waitFor() == 0;
      }
      return fine;
    } finally {
      processes.forEach(Process::destroy);
      Files.delete(next);
    }
  }

  /** {@return the number of what no other process of this run does} */
  private int next() throws IOException {
    if (shared == null) {
      return done++;
    }
    try (RandomAccessFile file = new RandomAccessFile(shared.toFile(), "rw");
        FileLock lock = file.getChannel().lock()) {
      int next = file.length() == 0 ? 0 : file.readInt();
      file.seek(0);
      file.writeInt(next + 1);
      return next;
    }
  }

  private void measure(List<Path> tasks, Measurement.Plan plan) throws IOException {
    List<LongTraining> trained = isShort ? List.of() : LongTraining.of(tasks);
    for (int i = next(); i < tasks.size() + trained.size(); i = next()) {
      try (PointerScope scope = new PointerScope()) {
        if (i < tasks.size()) {
          measure(new Task(tasks.get(i), data), plan, "%d of %d".formatted(i + 1, tasks.size()));
        } else {
          LongTraining training = trained.get(i - tasks.size());
          Task task = new Task(training.file(), data);
          progress("training %s for long".formatted(task.name()));
          training.truth(task, truths());
        }
      }
    }
  }

  private void measure(Task task, Measurement.Plan plan, String which) throws IOException {
    long from = System.nanoTime();
    Truth.of(task, Truth.Plan.of(task), truths());
    double trained = (System.nanoTime() - from) / 1e9;
    Path file = answers(task, plan);
    if (!Files.exists(file)) {
      Measurement.of(task, plan).write(file);
    }
    progress(
        "%s: %s, %.1f s trained, %.1f s swept"
            .formatted(which, task.name(), trained, (System.nanoTime() - from) / 1e9 - trained));
  }

  private Path truths() {
    return work.resolve("truth");
  }

  /** Answers of other code, or by another plan, are others. */
  private Path answers(Task task, Measurement.Plan plan) throws IOException {
    if (code == null) {
      code = Digest.of(LrFinder.class) + "-" + Digest.of(SuggestionQuality.class);
    }
    String asked =
        "%d-%s-%d"
            .formatted(
                plan.seeds(),
                plan.steps().stream().map(String::valueOf).collect(Collectors.joining(".")),
                plan.repeats());
    return work.resolve("answers")
        .resolve(code)
        .resolve(asked)
        .resolve(task.name() + "-" + task.contentHash() + ".json");
  }

  private void progress(String line) {
    PrintWriter errors = spec.commandLine().getErr();
    errors.println(line);
    errors.flush();
  }

  private void report(List<Path> tasks, Measurement.Plan plan) throws IOException {
    List<Row> rows = new ArrayList<>();
    for (Path file : tasks) {
      try (PointerScope scope = new PointerScope()) {
        Task task = new Task(file, data);
        rows.add(
            new Row(
                file.toAbsolutePath().getParent().getFileName().toString(),
                task.parts(),
                Truth.of(task, Truth.Plan.of(task), truths()),
                Measurement.read(answers(task, plan))));
      }
    }
    StringBuilder text =
        new StringBuilder(
            Tables.of(
                rows,
                steps,
                seeds,
                Machine.command(
                    SuggestionQuality.class, spec.commandLine().getParseResult().originalArgs())));
    List<LongTraining> trained = isShort ? List.of() : LongTraining.of(tasks);
    if (!trained.isEmpty()) {
      text.append(LongTraining.HEADER);
    }
    for (LongTraining training : trained) {
      try (PointerScope scope = new PointerScope()) {
        Task task = new Task(training.file(), data);
        Row row = rows.get(tasks.indexOf(training.file()));
        text.append(training.line(row, training.truth(task, truths())));
      }
    }
    Report.print(spec, text);
    if (out != null) {
      Files.createDirectories(out);
      Report.write(text, out.resolve("suggestions.md"));
      Csv.write(rows, out.resolve("suggestions.csv.gz"));
      QualityPicture.save(rows, steps, out.resolve("suggestions.png"));
    }
  }
}

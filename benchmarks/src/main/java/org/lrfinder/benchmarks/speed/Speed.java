package org.lrfinder.benchmarks.speed;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.lrfinder.benchmarks.Machine;
import org.lrfinder.benchmarks.Report;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Run in the root of the repository as {@code java -cp benchmarks/target/benchmarks.jar
 * org.lrfinder.benchmarks.speed.Speed}: the whole comparison, in processes of its own, one after
 * the other. Writes {@code speed.md}, {@code speed.csv.gz} with every value, and two pictures.
 */
@Command(
    name = "Speed",
    description = "Times sweeps and trainings of the library and of others, in turn.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
public final class Speed implements Callable<Integer> {
  /** What a part of the run gets of its time. */
  private record Part(Setting setting, Figure figure, double share) {}

  private static final double SECONDS_PER_MINUTE = 60;
  private static final double PROCESS_SHARE = 0.03;

  private static final List<Part> PARTS =
      List.of(
          new Part(Setting.MKL_ONE, Figure.SWEEP, 0.34),
          new Part(Setting.MKL_DEFAULT, Figure.SWEEP, 0.24),
          new Part(Setting.OPENBLAS_ONE, Figure.SWEEP, 0.06),
          new Part(Setting.OPENBLAS_DEFAULT, Figure.SWEEP, 0.06),
          new Part(Setting.MKL_ONE, Figure.EPOCH, 0.06),
          new Part(Setting.MKL_ONE, Figure.GROWTH, 0.07),
          new Part(Setting.MKL_DEFAULT, Figure.THREADS, 0.03),
          new Part(Setting.OPENBLAS_DEFAULT, Figure.THREADS, 0.03));

  @Spec private CommandSpec spec;

  @Option(
      names = "--minutes",
      description =
          "About how long all parts take together. What has to be done at least may take longer. Default: ${DEFAULT-VALUE}")
  private double minutes = 11;

  @Option(names = "--rounds", description = "Counted rounds at most. Default: ${DEFAULT-VALUE}")
  private int rounds = 30;

  @Option(
      names = "--least",
      description = "Counted rounds at least, however slow. Default: ${DEFAULT-VALUE}")
  private int least = 2;

  @Option(
      names = "--networks",
      split = ",",
      paramLabel = "NAME",
      description = "Those of the cases that are of these networks. Default: all")
  private List<String> networks = List.of();

  @Option(
      names = "--settings",
      split = ",",
      paramLabel = "NAME",
      description = "mkl-1, mkl-default, openblas-1, openblas-default. Default: all")
  private List<String> settings = List.of();

  @Option(
      names = "--figures",
      split = ",",
      paramLabel = "NAME",
      description = "sweep, epoch, growth, threads, process, memory. Default: all")
  private List<String> figures = List.of();

  @Option(
      names = "--python",
      paramLabel = "FOLDER",
      description =
          "Virtual environment, made unless it is there. Default: benchmarks/target/python")
  private @Nullable Path environment;

  @Option(names = "--without-python", description = "Leaves Python's contenders out.")
  private boolean withoutPython;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "Where table, values and pictures go. Default: benchmarks/target/speed")
  private @Nullable Path out;

  @Option(
      names = "--from",
      paramLabel = "FILE",
      description = "Measures nothing: makes table and pictures of these values.")
  private @Nullable Path from;

  private final Path root = Path.of("").toAbsolutePath();
  private final Notes notes = new Notes();
  private final List<Row> rows = new ArrayList<>();

  /** Runs it. */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Speed()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (!Files.isDirectory(root.resolve("benchmarks/python"))) {
      throw new ParameterException(
          spec.commandLine(), "run this in the root of the repository, not in " + root);
    }
    Path folder = out == null ? root.resolve("benchmarks/target/speed") : out.toAbsolutePath();
    Files.createDirectories(folder);
    if (from == null) {
      measure(folder);
    } else {
      ValuesFile.read(from, rows, notes);
    }
    write(folder);
    return 0;
  }

  private void measure(Path folder) throws IOException, InterruptedException {
    Path python = python();
    Path log = root.resolve("benchmarks/target/speed.log");
    Files.deleteIfExists(log);
    Machine.host().lines().forEach(line -> notes.add(line.substring(2)));
    notes.add("commit: " + commit());
    notes.add(
        "command: `%s`"
            .formatted(
                Machine.command(Speed.class, spec.commandLine().getParseResult().originalArgs())));
    for (Part part : PARTS) {
      if (wanted(part.figure.key())
          && (settings.isEmpty() || settings.contains(part.setting.key()))) {
        measure(part, python, folder, log);
      }
    }
    Processes processes = new Processes(root, log, rows::add, notes);
    if (wanted("process")) {
      processes.toSuggestion(rounds, minutes * SECONDS_PER_MINUTE * PROCESS_SHARE, python);
    }
    if (wanted("memory")) {
      processes.peakMemory(
          Processes.WATCHED.stream()
              .filter(network -> networks.isEmpty() || networks.contains(network))
              .toList());
    }
  }

  private boolean wanted(String figure) {
    return figures.isEmpty() || figures.contains(figure);
  }

  private @Nullable Path python() throws IOException, InterruptedException {
    return withoutPython
        ? null
        : PythonEnvironment.interpreter(
            environment == null
                ? root.resolve("benchmarks/target/python")
                : environment.toAbsolutePath(),
            root.resolve("benchmarks/python/requirements.txt"));
  }

  private void measure(Part part, @Nullable Path python, Path folder, Path log)
      throws IOException, InterruptedException {
    List<Case> cases =
        part.setting.of(Case.all()).stream()
            .filter(known -> networks.isEmpty() || networks.contains(known.network().name()))
            .toList();
    if (cases.isEmpty()) {
      return;
    }
    Path values = folder.resolve("%s-%s.csv".formatted(part.setting.key(), part.figure.key()));
    Files.deleteIfExists(values);
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--setting", part.setting.key(),
                "--figure", part.figure.key(),
                "--cases", cases.stream().map(Case::label).collect(Collectors.joining(",")),
                "--seconds", Double.toString(minutes * SECONDS_PER_MINUTE * part.share),
                "--least", Integer.toString(least),
                "--rounds", Integer.toString(rounds),
                "--scripts", root.resolve("benchmarks/python").toString(),
                "--log", log.toString(),
                "--out", values.toString()));
    List<String> pythons = pythons(part);
    if (python != null && !pythons.isEmpty()) {
      arguments.addAll(
          List.of("--python", python.toString(), "--contenders", String.join(",", pythons)));
    }
    System.err.printf("%s, %s ...%n", part.setting.words(), part.figure.key());
    int exit = part.setting.java(Measure.class, arguments).inheritIO().start().waitFor();
    if (exit != 0) {
      notes.add("%s, %s ended with %d".formatted(part.setting.words(), part.figure.key(), exit));
    }
    if (Files.exists(values)) {
      ValuesFile.read(values, rows, notes);
      Files.delete(values);
    }
  }

  /** Those whose BLAS is the JVM's, where the figure needs them. */
  private static List<String> pythons(Part part) {
    if (!part.setting.hasPython() || part.figure == Figure.THREADS) {
      return List.of();
    }
    if (part.figure == Figure.SWEEP) {
      return PythonWorker.NAMES.stream()
          .filter(name -> part.setting == Setting.MKL_ONE || !name.equals(Contenders.COMPILED))
          .toList();
    }
    return List.of("Lightning", "bare Python");
  }

  private static String commit() throws IOException, InterruptedException {
    Process git =
        new ProcessBuilder("git", "describe", "--always", "--dirty", "--abbrev=12").start();
    String commit = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
    return git.waitFor() == 0 ? commit : "unknown";
  }

  private void write(Path folder) throws IOException {
    ValuesFile.write(folder.resolve("speed.csv.gz"), rows, notes);
    Rows all = new Rows(rows);
    String report = SpeedReport.of(all, notes.lines());
    Files.writeString(folder.resolve("speed.md"), report);
    SpeedPicture.ratios(all, folder.resolve("speed.png"));
    SpeedPicture.growth(all, folder.resolve("speed-growth.png"));
    Report.print(spec, report);
  }
}

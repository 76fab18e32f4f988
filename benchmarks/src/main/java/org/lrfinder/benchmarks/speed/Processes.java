package org.lrfinder.benchmarks.speed;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;

/** What is measured of whole processes, which take turns too. */
final class Processes {
  static final String TIME = "process-ms";
  static final String MEMORY = "process-mib";
  static final String PEAK = "peak-mib";
  static final String COPY = "copy";
  static final String COMMAND_LINE = "lrfinder find";
  static final List<String> WATCHED = List.of("1x64", "20x64", "2x2048", "resnet-18");

  private static final int MEMORY_ROUNDS = 2;
  private static final int STARTS_UNTIL_FAST = 2; // the launcher's first one writes an archive
  private static final List<String> ALONE =
      List.of(Contenders.BARE, Contenders.NATIVE, Contenders.AUTOGRAD, Contenders.PORTABLE);

  private final Path root;
  private final Path log;
  private final Consumer<Row> rows;
  private final Notes notes;

  /**
   * @param root of the repository
   */
  Processes(Path root, Path log, Consumer<Row> rows, Notes notes) {
    this.root = root;
    this.log = log;
    this.rows = rows;
    this.notes = notes;
  }

  /** Process start to suggestion on the digits, at default threads. */
  void toSuggestion(int rounds, double seconds, @Nullable Path python) throws InterruptedException {
    Path data = root.resolve("java/src/data/digits.csv.gz");
    String target = root.resolve("java/target").toString();
    Runner launcher = new Runner(COMMAND_LINE, () -> find(data, target + "/lrfinder"));
    for (int start = 0; start < STARTS_UNTIL_FAST; start++) {
      watch(launcher, "digits", watched -> {});
    }
    List<Runner> runners = new ArrayList<>();
    runners.add(launcher);
    runners.add(
        new Runner("java -jar", () -> find(data, "java", "-jar", target + "/lrfinder.jar")));
    if (python != null) {
      Path script = root.resolve("benchmarks/python/find_digits.py");
      runners.add(
          new Runner(
              "Lightning", () -> command(python.toString(), script.toString(), data.toString())));
    }
    long start = System.nanoTime();
    for (int round = 0;
        round < rounds && (round < 3 || (System.nanoTime() - start) / 1e9 < seconds);
        round++) {
      for (Runner runner : turned(runners, round)) {
        int now = round;
        watch(
            runner,
            "digits",
            watched -> {
              rows.accept(row(TIME, "digits", runner.name, now, watched.millis()));
              rows.accept(row(MEMORY, "digits", runner.name, now, watched.mebibytes()));
            });
      }
    }
  }

  private ProcessBuilder find(Path data, String... program) {
    List<String> words = new ArrayList<>(List.of(program));
    words.addAll(
        List.of("find", "--data", data.toString(), "--target", "target", "--hidden", "64,64"));
    words.addAll(List.of("--optimizer", "adam", "--min-lr", "1e-8", "--max-lr", "1"));
    words.addAll(List.of("--steps", "100", "--no-auto-range", "--no-auto-steps", "--json"));
    return command(words.toArray(String[]::new));
  }

  /** Peak memory of a process that does nothing but two sweeps, on one thread. */
  void peakMemory(List<String> subjects) throws InterruptedException {
    for (String subject : subjects) {
      rows.accept(row(PEAK, subject, COPY, 0, mebibytesOfACopy(Case.of(subject))));
      List<Runner> runners =
          ALONE.stream()
              .map(
                  name ->
                      new Runner(
                          name, () -> Setting.MKL_ONE.java(OneSweep.class, List.of(subject, name))))
              .toList();
      for (int round = 0; round < MEMORY_ROUNDS; round++) {
        for (Runner runner : turned(runners, round)) {
          int now = round;
          watch(
              runner,
              subject,
              watched -> rows.accept(row(PEAK, subject, runner.name, now, watched.mebibytes())));
        }
      }
    }
  }

  /** Of parameters, buffers and Adam's two averages. */
  private static double mebibytesOfACopy(Case subject) {
    JavaNetwork network = JavaNetwork.of(subject.network());
    try (PointerScope scope = new PointerScope()) {
      long parameters = bytes(network.module().parameters());
      return (3 * parameters + bytes(network.module().buffers())) / (1024.0 * 1024);
    }
  }

  private static long bytes(TensorVector tensors) {
    return LongStream.range(0, tensors.size()).map(i -> tensors.get(i).nbytes()).sum();
  }

  private record Runner(String name, Supplier<ProcessBuilder> process) {}

  private void watch(Runner runner, String subject, Consumer<Watched> heard)
      throws InterruptedException {
    try {
      heard.accept(Watched.run(runner.process.get(), log));
    } catch (IOException e) {
      notes.add("%s is left out of %s: %s".formatted(runner.name, subject, e.getMessage()));
    }
  }

  private static List<Runner> turned(List<Runner> runners, int round) {
    List<Runner> order = new ArrayList<>(runners);
    Collections.rotate(order, -round);
    return order;
  }

  private static Row row(String figure, String subject, String contender, int round, double value) {
    String setting = (figure.equals(PEAK) ? Setting.MKL_ONE : Setting.MKL_DEFAULT).key();
    return new Row(setting, figure, subject, 0, contender, round, value);
  }

  private ProcessBuilder command(String... command) {
    return new ProcessBuilder(command).directory(log.toAbsolutePath().getParent().toFile());
  }
}

package org.lrfinder.benchmarks.speed;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.nativecore.NativeCore;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** One figure under one setting, in a process of its own: started by {@link Speed}. */
@Command(name = "Measure")
final class Measure implements Callable<Integer> {
  @Option(names = "--setting", required = true)
  private String setting = "";

  @Option(names = "--figure", required = true)
  private Figure figure = Figure.SWEEP;

  @Option(names = "--cases", split = ",", required = true)
  private List<String> labels = List.of();

  @Option(names = "--seconds", required = true)
  private double seconds;

  @Option(names = "--least", required = true)
  private int least;

  @Option(names = "--rounds", required = true)
  private int most;

  @Option(names = "--python")
  private @Nullable Path python;

  @Option(names = "--contenders", split = ",")
  private List<String> pythons = List.of();

  @Option(names = "--scripts", required = true)
  private Path scripts = Path.of("");

  @Option(names = "--log", required = true)
  private Path log = Path.of("");

  @Option(names = "--out", required = true)
  private Path out = Path.of("");

  public static void main(String[] arguments) {
    System.exit(
        new CommandLine(new Measure())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    Notes notes = new Notes();
    List<PythonWorker> workers = new ArrayList<>();
    try (PrintWriter rows =
        new PrintWriter(
            Files.newBufferedWriter(out, StandardOpenOption.CREATE, StandardOpenOption.APPEND))) {
      for (String name : pythons) {
        start(name, workers, notes);
      }
      notes.add(Setting.of(setting).words() + ": " + threads());
      List<Case> cases =
          Case.all().stream().filter(subject -> labels.contains(subject.label())).toList();
      List<Supplier<List<Trial>>> groups = figure.groups(cases, new Contenders(workers, notes));
      Rounds rounds = new Rounds(seconds / groups.size(), least, most);
      for (Supplier<List<Trial>> group : groups) {
        rounds.run(setting, figure, group.get(), row -> rows.println(row.csv()), notes);
        rows.flush();
      }
      notes.lines().forEach(line -> rows.println("# " + line));
    } finally {
      workers.forEach(PythonWorker::close);
    }
    return 0;
  }

  private static String threads() throws IOException {
    int blas = openblas_nolapack.blas_get_num_threads();
    return "libtorch %s in the JVM %d threads, %s %s"
        .formatted(
            NativeCore.libtorchVersion(),
            torch.get_num_threads(),
            "mkl".equals(System.getProperty("org.bytedeco.openblas.load"))
                ? "MKL " + Loader.getVersion("org.bytedeco", "mkl")
                : openblas_nolapack.OPENBLAS_VERSION.trim(),
            blas < 0 ? "as libtorch" : Integer.toString(blas)); // MKL has no count of its own
  }

  private void start(String name, List<PythonWorker> workers, Notes notes) {
    if (python == null) {
      return;
    }
    try {
      PythonWorker worker = new PythonWorker(name, python, scripts, log);
      JsonNode versions = worker.versions();
      if (versions.get("threads").asInt() != torch.get_num_threads()) {
        throw new IllegalStateException(
            "%s has %s threads, the JVM %d"
                .formatted(name, versions.get("threads"), torch.get_num_threads()));
      }
      notes.add(
          "Python %s, torch %s, %s"
              .formatted(
                  versions.get("python").asText(),
                  versions.get("torch").asText(),
                  versions.get("blas").asText()));
      versions
          .get("versions")
          .properties()
          .forEach(version -> notes.add(version.getKey() + " " + version.getValue().asText()));
      notes.add(
          "%s: torch in Python %s threads"
              .formatted(Setting.of(setting).words(), versions.get("threads")));
      workers.add(worker);
    } catch (IllegalStateException e) {
      notes.add("%s is left out: %s".formatted(name, e.getMessage()));
    }
  }
}

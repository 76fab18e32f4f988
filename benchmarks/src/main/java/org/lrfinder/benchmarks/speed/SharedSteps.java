package org.lrfinder.benchmarks.speed;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.benchmarks.Machine;
import org.lrfinder.benchmarks.Report;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Times a step of several processes over gloo on this machine: the library's sweep, which averages
 * losses too, against Python's DistributedDataParallel, in turn, on one thread each.
 */
@Command(
    name = "SharedSteps",
    description = "Times steps that several processes make together.",
    mixinStandardHelpOptions = true)
public final class SharedSteps implements Callable<Integer> {
  private static final List<String> NETWORKS = List.of("20x64", "2x512", "cnn-8x8");
  private static final int MOST_RANKS = 4;

  @Spec private CommandSpec spec;

  @Option(names = "--rounds", description = "Turns of each. Default: ${DEFAULT-VALUE}")
  private int rounds = 12;

  @Option(names = "--steps", description = "Steps of a turn. Default: ${DEFAULT-VALUE}")
  private int steps = 100;

  @Option(
      names = "--python",
      paramLabel = "FOLDER",
      description = "Virtual environment, made unless it is there. Default: ${DEFAULT-VALUE}")
  private Path python = Path.of("benchmarks/target/python");

  @Option(names = "--out", paramLabel = "FILE", description = "Where the report goes as well.")
  private @Nullable Path out;

  /** Processes that answer questions together. */
  private record Job(String name, List<Process> ranks, List<Double> answers)
      implements AutoCloseable {
    static Job of(String name, int ranks, Supplier<ProcessBuilder> rank) throws IOException {
      int port;
      try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        port = free.getLocalPort();
      }
      List<Process> processes = new ArrayList<>();
      for (int i = 0; i < ranks; i++) {
        ProcessBuilder builder = rank.get().redirectError(ProcessBuilder.Redirect.INHERIT);
        builder
            .environment()
            .putAll(
                Map.of(
                    "RANK", Integer.toString(i),
                    "WORLD_SIZE", Integer.toString(ranks),
                    "MASTER_ADDR", "127.0.0.1",
                    "MASTER_PORT", Integer.toString(port),
                    "OMP_NUM_THREADS", "1"));
        processes.add(builder.start());
      }
      return new Job(name, processes, new ArrayList<>());
    }

    /** {@return the microseconds of a step, by rank 0} */
    double ask(String network, int steps) throws IOException {
      for (Process rank : ranks) {
        BufferedWriter questions = rank.outputWriter();
        questions.write(network + " " + steps + "\n");
        questions.flush();
      }
      double first = 0;
      for (int i = ranks.size() - 1; i >= 0; i--) {
        first = answer(ranks.get(i).inputReader());
      }
      return first;
    }

    /** Gloo says on the same stream that it is connected. */
    private static double answer(BufferedReader answers) throws IOException {
      for (String line = answers.readLine(); line != null; line = answers.readLine()) {
        if (line.startsWith("us ")) {
          return Double.parseDouble(line.substring("us ".length()));
        }
      }
      throw new IOException("a process ended without an answer");
    }

    @Override
    public void close() {
      ranks.forEach(Process::destroy);
    }
  }

  /** Runs it; the arguments are in its help. */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new SharedSteps()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path scripts = Path.of("benchmarks/python");
    Path interpreter = PythonEnvironment.interpreter(python, scripts.resolve("requirements.txt"));
    StringBuilder report = new StringBuilder();
    report.append("# Steps of several processes\n\n").append(Machine.host());
    report.append(
        Report.format(
            "- command: `%s`%n%n",
            Machine.command(
                SharedSteps.class, spec.commandLine().getParseResult().originalArgs())));
    List<Job> jobs = new ArrayList<>();
    try {
      Supplier<ProcessBuilder> java = () -> Setting.MKL_ONE.java(SharedStepsRank.class, List.of());
      for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
        jobs.add(Job.of("lrfinder, " + ranks, ranks, java));
      }
      jobs.add(
          Job.of(
              "DDP, 2",
              2,
              () ->
                  new ProcessBuilder(
                      interpreter.toString(), scripts.resolve("ddp_rank.py").toString())));
      for (String network : NETWORKS) {
        report.append(measured(network, jobs));
        Report.print(spec, ".\n");
      }
    } finally {
      jobs.forEach(Job::close);
    }
    Report.print(spec, report);
    Report.write(report, out);
    return 0;
  }

  private String measured(String network, List<Job> jobs) throws IOException {
    Map<String, double[]> micros = new LinkedHashMap<>();
    for (Job job : jobs) {
      job.ask(network, steps); // makes the network, and is not counted
      micros.put(job.name, new double[rounds]);
    }
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < jobs.size(); i++) {
        Job job = jobs.get((i + round) % jobs.size());
        micros.get(job.name)[round] = job.ask(network, steps);
      }
    }
    double[] own = micros.get("lrfinder, 2");
    double[] ddp = micros.get("DDP, 2");
    double[] ratios = new double[rounds];
    Arrays.setAll(ratios, i -> own[i] / ddp[i]);
    StringBuilder table = new StringBuilder(Report.format("## %s%n%n", network));
    table.append("| processes | us a step, median (quartiles) |\n|---|---|\n");
    micros.forEach(
        (name, values) ->
            table.append(Report.format("| %s | %s |%n", name, words(values, "%.0f"))));
    table.append(Report.format("%nlrfinder / DDP, of 2: %s%n%n", words(ratios, "%.2f")));
    return table.toString();
  }

  private static String words(double[] values, String format) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int last = sorted.length - 1;
    return Report.format(
        format + " (" + format + " to " + format + ")",
        sorted[last / 2],
        sorted[last / 4],
        sorted[last - last / 4]);
  }
}

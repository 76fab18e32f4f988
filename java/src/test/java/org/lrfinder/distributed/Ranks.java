package org.lrfinder.distributed;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import org.lrfinder.testkit.OwnJvm;

/** Starts a program in several JVMs that are told of each other as by a launcher. */
final class Ranks {
  /**
   * How a rank ended.
   *
   * @param exit its status, or {@link #HUNG}
   */
  record Ended(int rank, int exit, String printed) {
    static final int HUNG = -1;

    /** {@return what follows a name, on the lines that begin with it} */
    List<String> lines(String name) {
      return printed
          .lines()
          .filter(line -> line.startsWith(name + " "))
          .map(line -> line.substring(name.length() + 1))
          .toList();
    }
  }

  private Ranks() {}

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  static List<Ended> run(int ranks, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    return run(
        ranks, Duration.ofMinutes(3), freePort(), Networks.none(), rank -> false, main, arguments);
  }

  /**
   * Runs {@code main} by each rank, and waits for all, but no longer than it is said.
   *
   * @param hangs tells a rank that is not waited for, but ended when the others have
   */
  static List<Ended> run(
      int ranks,
      Duration patience,
      int port,
      Networks networks,
      IntPredicate hangs,
      Class<?> main,
      String... arguments)
      throws IOException, InterruptedException {
    List<Process> processes = new ArrayList<>();
    List<Path> outputs = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      List<String> command = new ArrayList<>(networks.command(rank));
      command.addAll(
          List.of(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-XX:TieredStopAtLevel=1",
              "-Xshare:auto",
              "-cp",
              String.join(File.pathSeparator, OwnJvm.classPath()),
              main.getName()));
      command.addAll(List.of(arguments));
      Path output = Files.createTempFile("lrfinder-rank", ".txt");
      ProcessBuilder builder =
          new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
      builder.environment().put("RANK", Integer.toString(rank));
      builder.environment().put("WORLD_SIZE", Integer.toString(ranks));
      builder.environment().putAll(networks.environment(rank));
      builder.environment().put("MASTER_PORT", Integer.toString(port));
      builder.environment().put("OMP_NUM_THREADS", "1");
      processes.add(builder.start());
      outputs.add(output);
    }
    long end = System.nanoTime() + patience.toNanos();
    for (int rank = 0; rank < ranks; rank++) {
      if (!hangs.test(rank)) {
        processes.get(rank).waitFor(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      }
    }
    List<Ended> ended = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      Process process = processes.get(rank);
      boolean over = !process.isAlive();
      process.destroyForcibly().waitFor();
      ended.add(
          new Ended(
              rank,
              over ? process.exitValue() : Ended.HUNG,
              Files.readString(outputs.get(rank), StandardCharsets.UTF_8)));
      Files.delete(outputs.get(rank));
    }
    return ended;
  }
}

package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.OwnJvm;

/** {@code find} by several processes, as a launcher starts them. */
class FindTogetherTest {
  private static final int RANKS = 2;

  @TempDir private Path folder;

  @BeforeEach
  void assumeNative() {
    assumeTrue(EnginesUnderTest.all().contains(EngineChoice.NATIVE));
  }

  private record Ended(int status, String output, String errors) {}

  private List<Ended> run(Map<String, String> more, String... arguments)
      throws IOException, InterruptedException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    List<Process> processes = new ArrayList<>();
    for (int rank = 0; rank < RANKS; rank++) {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("-cp", String.join(":", OwnJvm.classPath()), Main.class.getName()));
      command.addAll(List.of(arguments));
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectOutput(folder.resolve("output-" + rank).toFile())
              .redirectError(folder.resolve("errors-" + rank).toFile());
      builder
          .environment()
          .putAll(
              Map.of(
                  "RANK", Integer.toString(rank),
                  "WORLD_SIZE", Integer.toString(RANKS),
                  "MASTER_ADDR", "127.0.0.1",
                  "MASTER_PORT", Integer.toString(port),
                  "OMP_NUM_THREADS", "1"));
      builder.environment().putAll(more);
      processes.add(builder.start());
    }
    List<Ended> ended = new ArrayList<>();
    for (int rank = 0; rank < RANKS; rank++) {
      assertThat(processes.get(rank).waitFor(2, TimeUnit.MINUTES)).isTrue();
      ended.add(
          new Ended(
              processes.get(rank).exitValue(),
              Files.readString(folder.resolve("output-" + rank)),
              Files.readString(folder.resolve("errors-" + rank))));
    }
    return ended;
  }

  @Test
  void rank0SaysAndWritesWhatAllFound() throws Exception {
    Path out = folder.resolve("out");
    List<Ended> ended =
        run(
            Map.of(),
            "find",
            "--data",
            "src/data/wine.csv.gz",
            "--target",
            "target",
            "--json",
            "--out",
            out.toString());

    assertThat(ended).extracting(Ended::status).containsExactly(0, 0);
    assertThat(ended.get(0).output()).startsWith("{").endsWith("}\n").contains("\"suggestion\"");
    assertThat(ended.get(1).output()).isEmpty();
    assertThat(out.resolve("lr.png")).exists();
  }

  @Test
  void whatTheEnvironmentSaysWronglyIsNamed() throws Exception {
    for (Ended ended :
        run(
            Map.of("MASTER_PORT", "many"),
            "find",
            "--data",
            "src/data/wine.csv.gz",
            "--target",
            "target")) {
      assertThat(ended.status()).isEqualTo(Main.INPUT);
      assertThat(ended.errors())
          .contains("the environment variable MASTER_PORT is 'many', but must be a number");
    }
  }

  @Test
  void theDemoIsForOneProcess() throws Exception {
    for (Ended ended : run(Map.of(), "demo", "--out", folder.toString())) {
      assertThat(ended.status()).isEqualTo(Main.INPUT);
      assertThat(ended.errors()).contains("demo is for one process");
    }
  }
}

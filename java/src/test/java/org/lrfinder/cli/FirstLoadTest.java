package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.testkit.OwnJvm;

/** Several command lines that start at once where nothing has been unpacked yet. */
class FirstLoadTest {
  private static final Path DATA = Path.of(System.getProperty("lrfinder.data", "src/data"));

  @TempDir private Path folder;

  private Process start(String name) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:ErrorFile=" + folder.resolve(name + ".hs_err"),
            "-Dorg.bytedeco.javacpp.cachedir=" + folder.resolve("cache"),
            "-cp",
            String.join(File.pathSeparator, OwnJvm.classPath()),
            Main.class.getName(),
            "find",
            "--data=" + DATA.resolve("wine.csv.gz"),
            "--target=target",
            "--steps=30",
            "--no-auto-range",
            "--no-auto-steps",
            "--threads=1",
            "--json")
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve(name).toFile())
        .start();
  }

  private String ended(Process process, String name) throws IOException, InterruptedException {
    boolean ended = process.waitFor(5, TimeUnit.MINUTES);
    process.destroyForcibly();
    String printed = Files.readString(folder.resolve(name), StandardCharsets.UTF_8);
    assertThat(ended).as("ends: %s", printed).isTrue();
    assertThat(process.exitValue()).as(printed).isIn(0, Main.NO_SUGGESTION);
    return printed;
  }

  private List<Path> records() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("cache/lrfinder"))) {
      return files.filter(file -> file.getFileName().toString().startsWith("unpacked-")).toList();
    }
  }

  @Test
  void fourWithAnEmptyCacheAllAnswerAndLaterOnesWaitForNobody() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      processes.add(start("parallel" + i));
    }
    for (int i = 0; i < 4; i++) {
      assertThat(ended(processes.get(i), "parallel" + i)).startsWith("{\"format\":1,");
    }
    assertThat(records()).hasSize(1);
    try (FileChannel file =
            FileChannel.open(folder.resolve("cache/lrfinder/lock"), StandardOpenOption.WRITE);
        FileLock held = file.lock()) {
      assertThat(ended(start("later"), "later")).startsWith("{\"format\":1,");
    }
  }
}

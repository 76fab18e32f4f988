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

  @TempDir private Path folder;

  private Process start(String name, String... options) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:ErrorFile=" + folder.resolve(name + ".hs_err"));
    command.add("-Dorg.bytedeco.javacpp.cachedir=" + folder.resolve("cache"));
    command.addAll(List.of(options));
    command.addAll(
        List.of("-cp", String.join(File.pathSeparator, OwnJvm.classPath()), Main.class.getName()));
    command.addAll(List.of(LauncherTest.FIND));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve(name).toFile())
        .start();
  }

  private String ended(Process process, String name) throws IOException, InterruptedException {
    boolean ended = process.waitFor(5, TimeUnit.MINUTES);
    process.destroyForcibly();
    String printed = Files.readString(folder.resolve(name), StandardCharsets.UTF_8);
    assertThat(ended).as("ends: %s", printed).isTrue();
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
      assertThat(processes.get(i).exitValue()).isIn(0, Main.NO_SUGGESTION);
    }
    assertThat(records()).hasSize(1);
    try (FileChannel file =
            FileChannel.open(folder.resolve("cache/lrfinder/lock"), StandardOpenOption.WRITE);
        FileLock held = file.lock()) {
      assertThat(ended(start("later"), "later")).startsWith("{\"format\":1,");
    }
  }

  @Test
  void whereNothingCanBeUnpackedTheReasonAndTheWayOutAreSaid() throws Exception {
    Path file = Files.createFile(folder.resolve("a file"));
    Process nowhere =
        start(
            "nowhere",
            "-Dorg.bytedeco.javacpp.cachedir=" + file.resolve("cache"),
            "-Duser.home=" + file,
            "-Djava.io.tmpdir=" + file);
    assertThat(ended(nowhere, "nowhere"))
        .isEqualToIgnoringNewLines(
            "lrfinder: libtorch could not be loaded: neither %1$s/.javacpp nor %1$s can be written to unpack native libraries; another folder is chosen by -Dorg.bytedeco.javacpp.cachedir=FOLDER"
                .formatted(file));
    assertThat(nowhere.exitValue()).isEqualTo(Main.FAILURE);
  }
}

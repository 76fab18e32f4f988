package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a class's {@code main} in a JVM of its own, with options of its own. */
final class OwnJvm {
  private OwnJvm() {}

  /** {@return what it printed, which includes errors} */
  static String run(List<String> options, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add(main.getName());
    command.addAll(Arrays.asList(arguments));
    Path output = Files.createTempFile("lrfinder", ".txt");
    try {
      Process jvm =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      boolean ended = jvm.waitFor(3, TimeUnit.MINUTES);
      jvm.destroyForcibly();
      String printed = Files.readString(output, StandardCharsets.UTF_8);
      assertThat(ended).as("ends: %s", printed).isTrue();
      assertThat(jvm.exitValue()).as(printed).isZero();
      return printed;
    } finally {
      Files.delete(output);
    }
  }
}

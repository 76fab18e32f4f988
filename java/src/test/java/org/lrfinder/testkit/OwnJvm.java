package org.lrfinder.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a class's {@code main} in a JVM of its own, with options of its own. */
public final class OwnJvm {
  private OwnJvm() {}

  /** {@return the entries of the tests' class path} */
  public static List<String> classPath() {
    String own =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    return List.of(own.split(File.pathSeparator));
  }

  /** {@return what it printed, which includes errors} */
  public static String run(List<String> options, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    return run(classPath(), options, main, arguments);
  }

  /** {@return what it printed with another class path, which includes errors} */
  public static String run(
      List<String> classPath, List<String> options, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    return run(List.of(), classPath, options, main, arguments);
  }

  /**
   * Runs it by another command.
   *
   * @param by what runs the command that follows it
   */
  public static String run(
      List<String> by,
      List<String> classPath,
      List<String> options,
      Class<?> main,
      String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(by);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath), main.getName()));
    command.addAll(List.of(arguments));
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

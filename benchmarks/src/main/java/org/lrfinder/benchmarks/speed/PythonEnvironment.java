package org.lrfinder.benchmarks.speed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A virtual environment with the packages of {@code python/requirements.txt}. */
final class PythonEnvironment {
  private PythonEnvironment() {}

  /**
   * Makes it unless it is there already; takes minutes and gigabytes.
   *
   * @return its interpreter
   * @throws IOException if it cannot be made; the message says what to do
   */
  static Path interpreter(Path folder, Path requirements) throws IOException, InterruptedException {
    Path python = folder.resolve("bin/python");
    Path complete = folder.resolve("complete-for-benchmarks.txt");
    String wanted = Files.readString(requirements);
    if (Files.exists(complete) && Files.readString(complete).equals(wanted)) {
      return python;
    }
    System.err.println("Making " + folder + " with the packages of " + requirements + " ...");
    run(List.of("python3", "-m", "venv", folder.toString()));
    run(
        List.of(
            python.toString(), "-m", "pip", "install", "--quiet", "-r", requirements.toString()));
    Files.writeString(complete, wanted);
    return python;
  }

  private static void run(List<String> command) throws IOException, InterruptedException {
    int exit = new ProcessBuilder(command).inheritIO().start().waitFor();
    if (exit != 0) {
      throw new IOException(
          "cannot make the Python environment: \"%s\" ended with %d; --python FOLDER takes another one, --without-python measures without"
              .formatted(String.join(" ", command), exit));
    }
  }
}

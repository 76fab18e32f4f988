package org.lrfinder.benchmarks.speed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A whole process, watched from start to end.
 *
 * @param millis from the start to the end
 * @param mebibytes of memory that it held at most
 */
record Watched(double millis, double mebibytes) {
  private static final int POLLING_MILLIS = 2;
  private static final double KIBIBYTES = 1024;

  /**
   * @throws IOException if it fails or there is no /proc
   */
  static Watched run(ProcessBuilder builder, Path log) throws IOException, InterruptedException {
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    long start = System.nanoTime();
    Process process = builder.start();
    double peak = 0;
    while (process.isAlive()) {
      peak = Math.max(peak, peak(process.pid()).orElse(0.0));
      Thread.sleep(POLLING_MILLIS);
    }
    double millis = (System.nanoTime() - start) / 1e6;
    if (process.waitFor() != 0) {
      throw new IOException(
          "%s ended with %d; see %s".formatted(builder.command().get(0), process.exitValue(), log));
    }
    return new Watched(millis, peak);
  }

  /** The mark that the kernel keeps, which only rises: the last look is the right one. */
  private static Optional<Double> peak(long process) {
    try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(process), "status"))) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .map(line -> Double.parseDouble(line.replaceAll("\\D", "")) / KIBIBYTES)
          .findFirst();
    } catch (IOException | java.io.UncheckedIOException e) {
      return Optional.empty(); // it has ended
    }
  }
}

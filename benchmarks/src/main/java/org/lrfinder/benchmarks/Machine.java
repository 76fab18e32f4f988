package org.lrfinder.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.internal.nativecore.NativeCore;

/** What a report says of where and how it was made. */
public final class Machine {
  private Machine() {}

  /** Lines of a Markdown list: the date, the machine and the JVM. */
  public static String host() throws IOException {
    return Report.format(
        """
        - date: %s
        - machine: %s, %d cores, %s %s
        - JVM: %s %s
        """,
        LocalDate.now(),
        processor(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name"),
        System.getProperty("os.arch"),
        System.getProperty("java.vm.name"),
        Runtime.version());
  }

  /** Lines of a Markdown list, the command left out. */
  public static String describe() throws IOException {
    return Report.format(
        """
        %s- libtorch %s, BLAS: %s, threads: %d
        """,
        host(),
        NativeCore.libtorchVersion(),
        System.getProperty("org.bytedeco.openblas.load", openblas_nolapack.OPENBLAS_VERSION.trim()),
        torch.get_num_threads());
  }

  /** As typed in the root of the repository. */
  public static String command(Class<?> program, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("java"));
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", "benchmarks/target/benchmarks.jar", program.getName()));
    command.addAll(arguments);
    return String.join(" ", command);
  }

  private static String processor() throws IOException {
    Path file = Path.of("/proc/cpuinfo");
    if (!Files.exists(file)) {
      return "unknown processor";
    }
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).trim())
          .findFirst()
          .orElse("unknown processor");
    }
  }
}

package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What Linux says of itself, of this process and of its control group, in files. */
final class Kernel {
  private static final Path GROUPS = Path.of("/sys/fs/cgroup");
  private static final long UNLIMITED = 1L << 60; // of version 1, nearly the largest long

  private Kernel() {}

  /** {@return a file's first match; empty if it has none, or cannot be read} */
  static Optional<String> find(String file, String pattern) {
    try {
      Matcher matcher =
          Pattern.compile(pattern, Pattern.MULTILINE).matcher(Files.readString(Path.of(file)));
      return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** {@return bytes of the machine's main memory} */
  static OptionalLong memory() {
    return find("/proc/meminfo", "^MemTotal:\\s+(\\d+) kB").stream()
        .mapToLong(kibibytes -> Long.parseLong(kibibytes) * 1024)
        .findFirst();
  }

  /** {@return bytes that this process's group may have; empty if there is no limit} */
  static OptionalLong memoryLimit() {
    return groups().stream()
        .flatMap(
            group ->
                find(group + "/memory.max", "^(\\d+)$")
                    .or(() -> find(group + "/memory.limit_in_bytes", "^(\\d+)$"))
                    .stream())
        .mapToLong(Long::parseLong)
        .filter(limit -> limit < UNLIMITED)
        .min();
  }

  /** {@return how many processors' time this process's group may have; empty if all} */
  static OptionalDouble processorLimit() {
    return groups().stream()
        .flatMap(
            group ->
                find(group + "/cpu.max", "^(\\d+ \\d+)$")
                    .or(
                        () ->
                            find(group + "/cpu.cfs_quota_us", "^(\\d+)$")
                                .flatMap(
                                    quota ->
                                        find(group + "/cpu.cfs_period_us", "^(\\d+)$")
                                            .map(period -> quota + " " + period)))
                    .stream())
        .map(line -> line.split(" "))
        .mapToDouble(parts -> Double.parseDouble(parts[0]) / Double.parseDouble(parts[1]))
        .min();
  }

  /** {@return how many processes wanted each processor in the last minute; 0 if it is not known} */
  static double load() {
    return find("/proc/loadavg", "^([\\d.]+)").map(Double::parseDouble).orElse(0.0)
        / Runtime.getRuntime().availableProcessors();
  }

  /** Of version 2, or of the controllers of version 1; in a container often the root alone. */
  private static List<Path> groups() {
    String own = find("/proc/self/cgroup", "^0::(/.*)$").orElse("/");
    return List.of(
        GROUPS, GROUPS.resolve(own.substring(1)), GROUPS.resolve("memory"), GROUPS.resolve("cpu"));
  }
}

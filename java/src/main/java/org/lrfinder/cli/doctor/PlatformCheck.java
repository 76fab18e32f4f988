package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;

/** The machine and its C library. */
final class PlatformCheck {
  private static final String OLDEST_GLIBC = "2.35"; // that the presets' libtorch loads on

  private PlatformCheck() {}

  static Section examine() {
    Optional<String> library = Kernel.find("/proc/self/maps", "\\s(/\\S*/libc[.-]\\S*)$");
    Optional<String> glibc = library.flatMap(PlatformCheck::versionOfGlibc);
    boolean musl = Kernel.find("/proc/self/maps", "\\s(/\\S*ld-musl\\S*)$").isPresent();
    Section.Builder section =
        Section.of("platform")
            .fact("name", Loader.getPlatform())
            .fact(
                "system",
                Kernel.find("/etc/os-release", "^PRETTY_NAME=\"?([^\"\n]+)")
                    .orElse(System.getProperty("os.name")))
            .fact("kernel", System.getProperty("os.version"))
            .fact("glibc", glibc.orElse(null))
            .fact(
                "processor",
                Kernel.find("/proc/cpuinfo", "^model name\\s*:\\s*(.+)$").orElse(null));
    if (musl || glibc.isPresent() && isOlder(glibc.get(), OLDEST_GLIBC)) {
      section.find(
          Finding.broken(
              "old-glibc",
              "libtorch needs glibc %s or later, and this machine has %s"
                  .formatted(OLDEST_GLIBC, musl ? "musl" : glibc.get()),
              Cure.words("use a newer Linux, such as Debian 12 or Ubuntu 22.04")));
    }
    if (!Loader.getPlatform().equals("linux-x86_64")) {
      section.find(
          Finding.note(
              "no-native-engine",
              "there is no native engine for %s, only for linux-x86_64: the portable one sweeps"
                  .formatted(Loader.getPlatform()),
              Cure.words("none is needed; sweeps are slower, and their results the same")));
    }
    return section.build();
  }

  /** As the library says it, which this process runs on. */
  private static Optional<String> versionOfGlibc(String library) {
    try {
      String text = Files.readString(Path.of(library), StandardCharsets.ISO_8859_1);
      Matcher matcher =
          Pattern.compile("GNU C Library [^\\n\\x00]*version (\\d+\\.\\d+)").matcher(text);
      return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  static boolean isOlder(String version, String than) {
    return Arrays.compare(numbers(version), numbers(than)) < 0;
  }

  private static int[] numbers(String version) {
    return Arrays.stream(version.split("\\.")).mapToInt(Integer::parseInt).toArray();
  }
}

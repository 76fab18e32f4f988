package org.lrfinder.cli.doctor;

import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;

/** This JVM's own options, and how others get them. */
final class Jvm {
  /** Environment variable whose options every {@code java} takes. */
  private static final String ENVIRONMENT = "JDK_JAVA_OPTIONS";

  private Jvm() {}

  /** {@return the options that it was started with, those of environment variables included} */
  static List<String> options() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments();
  }

  /** {@return the last option that begins so, which is the one that counts} */
  static Optional<String> option(String start) {
    return options().stream().filter(o -> o.startsWith(start)).reduce((first, last) -> last);
  }

  /**
   * {@return how Java gets an option}
   *
   * @param start which option of today's it replaces
   */
  static Cure with(String option, String start) {
    String given = System.getenv().getOrDefault(ENVIRONMENT, "");
    Optional<String> today = option(start);
    if (today.isPresent()
        && !given.contains(today.get())) { // on the command line, which counts more
      return new Cure("start Java with this option in place of " + today.get(), List.of(option));
    }
    String kept = today.map(old -> given.replace(old, "")).orElse(given).strip();
    return Cure.commands("export %s='%s'".formatted(ENVIRONMENT, (kept + " " + option).strip()));
  }

  /** {@return how Java is started without an option} */
  static Cure without(String option) {
    String given = System.getenv().getOrDefault(ENVIRONMENT, "");
    return given.contains(option)
        ? Cure.commands("export %s='%s'".formatted(ENVIRONMENT, given.replace(option, "").strip()))
        : Cure.words("start Java without the option " + option);
  }
}

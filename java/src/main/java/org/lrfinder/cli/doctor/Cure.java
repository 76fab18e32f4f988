package org.lrfinder.cli.doctor;

import java.util.List;

/**
 * How something is mended.
 *
 * @param how what to do with the lines, in words, such as {@code run}
 * @param lines to paste as they are; none where words have to do
 */
public record Cure(String how, List<String> lines) {
  /** Copies the lines. */
  public Cure {
    lines = List.copyOf(lines);
  }

  static Cure words(String how) {
    return new Cure(how, List.of());
  }

  static Cure commands(String... lines) {
    return new Cure("run", List.of(lines));
  }

  /** {@return a path as a shell takes it} */
  static String quoted(Object path) {
    String plain = path.toString();
    return plain.matches("[\\w./:=+-]+") ? plain : "'" + plain.replace("'", "'\\''") + "'";
  }
}

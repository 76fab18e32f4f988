package org.lrfinder.cli;

import picocli.CommandLine.Model.CommandSpec;

/** The terminal, if there is one. */
final class Terminal {
  private static final int COLUMNS = 79; // of a file or a pipe
  private static final int LEAST = 40; // that a plot takes
  private static final int MOST = 120;

  private Terminal() {}

  /**
   * {@return how many columns there are to write to, one left free, lest a terminal break lines}
   */
  static int columns(CommandSpec spec) {
    if (System.console() == null) {
      return COLUMNS;
    }
    int width = spec.usageMessage().width(); // which asks the terminal, as Main has it
    return Math.max(LEAST, Math.min(MOST, width - 1));
  }
}

package org.lrfinder.cli;

import java.util.List;

/** What the commands say, as a terminal can take it. */
final class Words {
  private static final int MOST = 600;
  private static final int AT_END = 200;

  private Words() {}

  /** {@return what libtorch says is wrong, without its stacks of C++ and of TorchScript's code} */
  static String ofLibtorch(RuntimeException e) {
    String message = String.valueOf(e.getMessage());
    List<String> lines = message.lines().map(String::strip).toList();
    // TorchScript's code is quoted first, and named what went wrong in it behind that.
    return lines.stream()
        .filter(line -> line.matches("[A-Za-z]+Error: .*"))
        .map(line -> line.replaceFirst("^RuntimeError: ", ""))
        .findFirst()
        .or(() -> lines.stream().filter(line -> !line.isEmpty()).findFirst())
        .orElse("it failed")
        .replaceFirst("\\. This could be because the operator.*", ""); // lists all backends
  }

  /**
   * {@return a message in one line, without what a terminal would obey; of a long one the middle is
   * left out, where it is a name or a list that went on}
   */
  static String printable(String message) {
    String cut = message;
    if (message.length() > MOST) {
      String end = message.substring(message.length() - AT_END);
      String start = message.substring(0, MOST - AT_END);
      cut = "%s[... %d characters ...]%s".formatted(start, message.length() - MOST, end);
    }
    return cut.strip().replaceAll("\\R", " ").replaceAll("\\p{Cntrl}", "?");
  }
}

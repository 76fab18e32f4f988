package org.lrfinder.cli;

/** What the commands say, as a terminal can take it. */
final class Words {
  private static final int MOST = 600;
  private static final int AT_END = 200;

  private Words() {}

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

package org.lrfinder.cli;

import java.util.function.Supplier;

/** The user's files or options do not fit; the message says which, where and why. */
final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  InputException(String message) {
    super(message);
  }

  /** Makes what may refuse the user's input by an IllegalArgumentException. */
  static <T> T ifRefused(Supplier<T> made) {
    try {
      return made.get();
    } catch (IllegalArgumentException e) {
      throw new InputException(e.getMessage());
    }
  }

  /** Does what may refuse the user's input by an IllegalArgumentException. */
  static void ifRefused(Runnable done) {
    ifRefused(
        () -> {
          done.run();
          return null;
        });
  }
}

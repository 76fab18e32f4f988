package org.lrfinder.cli;

/** The user's files or options do not fit; the message says which, where and why. */
final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  InputException(String message) {
    super(message);
  }
}

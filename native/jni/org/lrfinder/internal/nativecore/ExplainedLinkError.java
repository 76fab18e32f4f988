package org.lrfinder.internal.nativecore;

/** That a library did not load, with the reason and the way out in words. */
final class ExplainedLinkError extends UnsatisfiedLinkError {
  private static final long serialVersionUID = 1L;

  ExplainedLinkError(String message, Throwable cause) {
    super(message);
    initCause(cause);
  }
}

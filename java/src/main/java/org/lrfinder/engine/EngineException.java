package org.lrfinder.engine;

import org.jspecify.annotations.Nullable;

/** A failure inside libtorch during a sweep, such as a network that does not accept its batch. */
public class EngineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates an exception.
   *
   * @param message what failed, without libtorch's C++ backtrace
   * @param cause as it came from the engine; null if libtorch did not throw
   */
  public EngineException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

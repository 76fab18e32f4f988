package org.lrfinder.engine;

/** A failure inside libtorch during a sweep, such as a network that does not accept its batch. */
public class EngineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates an exception.
   *
   * @param message what failed, without libtorch's C++ backtrace
   * @param cause as it came from the engine
   */
  public EngineException(String message, Throwable cause) {
    super(message, cause);
  }
}

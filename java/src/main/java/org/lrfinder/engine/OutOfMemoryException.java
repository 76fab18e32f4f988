package org.lrfinder.engine;

import org.jspecify.annotations.Nullable;

/**
 * There is too little memory for a sweep: found before its first step, or when libtorch could not
 * allocate in a step.
 */
public class OutOfMemoryException extends EngineException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates an exception.
   *
   * @param message what needed how much
   * @param cause as it came from libtorch; null if nothing was allocated
   */
  public OutOfMemoryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

package org.lrfinder.engine;

import org.jspecify.annotations.Nullable;

/**
 * Another of several processes failed, ended or does not answer, so that this one cannot go on. Its
 * model was restored, if it was swept.
 */
public class PeerException extends EngineException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates an exception.
   *
   * @param message which process it was, where that can be known, and what it said
   * @param cause as it came from the engine; null if there is none
   */
  public PeerException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

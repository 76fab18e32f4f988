package org.lrfinder.engine;

/**
 * The model is not as it was: putting it back after a sweep failed, in whole or in part. The cause
 * is the first thing that failed; what could be put back was. If the sweep had failed as well, its
 * failure is the suppressed one.
 */
public class RestoreException extends EngineException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates an exception.
   *
   * @param failure what kept the model from being restored
   */
  public RestoreException(Throwable failure) {
    super(
        "the model could not be restored and is not as it was: "
            + (failure.getMessage() == null ? failure : failure.getMessage()),
        failure);
  }
}

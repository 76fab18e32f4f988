package org.lrfinder.trainer;

/** Who hears of a training; closed at its end. */
record Observers(Console console, TrainerListener listener, MetricsLogger logger)
    implements AutoCloseable {
  @Override
  public void close() {
    logger.end();
  }
}

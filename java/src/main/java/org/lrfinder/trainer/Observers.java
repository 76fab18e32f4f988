package org.lrfinder.trainer;

import org.jspecify.annotations.Nullable;

/** Who hears of a training; closed at its end. */
record Observers(Console console, @Nullable TrainerListener listener, MetricsLogger logger)
    implements AutoCloseable {
  @Override
  public void close() {
    logger.end();
  }
}

package org.lrfinder;

import java.util.Iterator;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Batches;

/** Draws batches one after the other and, if it may, starts again at the end. */
final class BatchCycle implements AutoCloseable {
  private final Iterable<Batch> source;
  private final boolean cycle;
  private @Nullable Iterator<Batch> iterator;
  private long epoch;

  BatchCycle(Iterable<Batch> source, boolean cycle) {
    this.source = source;
    this.cycle = cycle;
  }

  /**
   * Draws the next batch.
   *
   * @return null if there is none
   * @throws IllegalArgumentException if there never was one
   */
  @Nullable Batch next() {
    if (iterator == null) {
      iterator = open();
      if (!iterator.hasNext()) {
        throw new IllegalArgumentException("there is no data: the batches are empty");
      }
    }
    if (!iterator.hasNext()) {
      if (!cycle) {
        return null;
      }
      close();
      epoch++;
      iterator = open();
      if (!iterator.hasNext()) {
        return null; // a source that can be walked once
      }
    }
    return Objects.requireNonNull(iterator.next(), "the batches' iterator returned null");
  }

  private Iterator<Batch> open() {
    return source instanceof Batches batches ? batches.epoch(epoch) : source.iterator();
  }

  @Override
  public void close() {
    if (iterator instanceof AutoCloseable closeable) {
      try {
        closeable.close();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException("the batches' iterator could not be closed", e);
      }
    }
  }
}

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
    Iterator<Batch> walk = iterator;
    if (walk == null) {
      walk = open();
      if (!walk.hasNext()) {
        throw new IllegalArgumentException("there is no data: the batches are empty");
      }
    } else if (!walk.hasNext()) {
      if (!cycle) {
        return null;
      }
      close();
      epoch++;
      walk = open();
      if (!walk.hasNext()) {
        return null; // a source that can be walked once
      }
    }
    return Objects.requireNonNull(walk.next(), "the batches' iterator returned null");
  }

  private Iterator<Batch> open() {
    Iterator<Batch> opened =
        source instanceof Batches batches ? batches.epoch(epoch) : source.iterator();
    iterator = opened;
    return opened;
  }

  @Override
  public void close() {
    Iterator<Batch> walked = iterator;
    iterator = null; // closed once
    if (walked instanceof AutoCloseable closeable) {
      try {
        closeable.close();
      } catch (RuntimeException e) {
        throw e;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while the batches' iterator was closed", e);
      } catch (Exception e) {
        throw new IllegalStateException("the batches' iterator could not be closed", e);
      }
    }
  }
}

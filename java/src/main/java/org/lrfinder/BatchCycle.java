package org.lrfinder;

import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.BatchWalk;

/** Draws batches one after the other and, if it may, starts again at the end. */
final class BatchCycle<B> implements AutoCloseable {
  private final Iterable<B> source;
  private final boolean cycle;
  private @Nullable BatchWalk<B> walk;
  private long epoch;

  BatchCycle(Iterable<B> source, boolean cycle) {
    this.source = source;
    this.cycle = cycle;
  }

  /**
   * Draws the next batch.
   *
   * @return null if there is none
   * @throws IllegalArgumentException if there never was one
   */
  @Nullable B next() {
    BatchWalk<B> present = walk;
    if (present == null) {
      present = open();
      if (!present.hasNext()) {
        throw new IllegalArgumentException("there is no data: the batches are empty");
      }
    } else if (!present.hasNext()) {
      if (!cycle) {
        return null;
      }
      close();
      epoch++;
      present = open();
      if (!present.hasNext()) {
        return null; // a source that can be walked once
      }
    }
    return present.next();
  }

  private BatchWalk<B> open() {
    BatchWalk<B> opened = new BatchWalk<>(source, epoch);
    walk = opened;
    return opened;
  }

  @Override
  public void close() {
    if (walk != null) {
      walk.close();
    }
  }
}

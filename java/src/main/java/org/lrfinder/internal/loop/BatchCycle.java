package org.lrfinder.internal.loop;

import org.jspecify.annotations.Nullable;
import org.lrfinder.data.BatchWalk;
import org.lrfinder.data.RowCutter;

/**
 * Draws batches one after the other and, if it may, starts again at the end. Whoever draws says
 * which ones it used, so that a source of which every batch is left out does not go round forever.
 */
public final class BatchCycle<B> implements AutoCloseable {
  private final Iterable<B> source;
  private final boolean cycle;
  private final RowCutter.Factory cutters;
  private @Nullable BatchWalk<B> walk;
  private long epoch;
  private long drawn; // in the present walk
  private boolean used; // any of them

  public BatchCycle(Iterable<B> source, boolean cycle, RowCutter.Factory cutters) {
    this.source = source;
    this.cycle = cycle;
    this.cutters = cutters;
  }

  /**
   * Draws the next batch.
   *
   * @return null if there is none
   * @throws IllegalArgumentException if there never was one, or if none of a whole walk was used
   */
  @Nullable B next() {
    BatchWalk<B> present = walk;
    if (present == null) {
      present = open();
      if (!present.hasNext()) {
        throw new IllegalArgumentException("there is no data: the batches are empty");
      }
    } else if (!present.hasNext()) {
      if (drawn > 0 && !used) {
        throw new IllegalArgumentException(
            "no batch is used: the loss was null for all %d batches of a walk".formatted(drawn));
      }
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
    drawn++;
    return present.next();
  }

  /** The batch drawn last was not left out. */
  void use() {
    used = true;
  }

  private BatchWalk<B> open() {
    BatchWalk<B> opened = new BatchWalk<>(source, epoch, cutters);
    walk = opened;
    drawn = 0;
    used = false;
    return opened;
  }

  @Override
  public void close() {
    if (walk != null) {
      walk.close();
    }
  }
}

package org.lrfinder.data;

import java.util.Iterator;
import java.util.Objects;

/**
 * One walk through an epoch of batches, which closes the source's iterator if that can be closed.
 *
 * @param <B> what a batch is
 */
public final class BatchWalk<B> implements Iterator<B>, AutoCloseable {
  private final Iterator<B> iterator;
  private boolean closed;

  /**
   * Opens a walk.
   *
   * @param source walked by the epoch's number if it is a {@link Batches}
   * @param epoch from 0
   */
  public BatchWalk(Iterable<B> source, long epoch) {
    this(source, epoch, RowCutter::ofOperators);
  }

  /**
   * Opens a walk.
   *
   * @param source walked by the epoch's number if it is a {@link Batches}
   * @param epoch from 0
   * @param cutters cut the batches of {@link TensorBatches}
   */
  @SuppressWarnings("unchecked") // Batches are an Iterable<Batch>, so that B is Batch
  public BatchWalk(Iterable<B> source, long epoch, RowCutter.Factory cutters) {
    if (source instanceof TensorBatches rows) {
      iterator = (Iterator<B>) rows.epoch(epoch, cutters);
    } else if (source instanceof PlacedBatches<B> placed) {
      iterator = placed.epoch(epoch, cutters);
    } else if (source instanceof Batches batches) {
      iterator = (Iterator<B>) batches.epoch(epoch);
    } else {
      iterator = source.iterator();
    }
  }

  /**
   * Compares two walks.
   *
   * @param other another walk
   * @return whether the sources gave both the same iterator, as one that can be walked once does
   */
  public boolean sharesIteratorWith(BatchWalk<?> other) {
    return iterator == other.iterator;
  }

  @Override
  public boolean hasNext() {
    return iterator.hasNext();
  }

  @Override
  public B next() {
    return Objects.requireNonNull(iterator.next(), "the batches' iterator returned null");
  }

  /**
   * Closes the source's iterator, once.
   *
   * @throws IllegalStateException if that failed by a checked exception, which is the cause
   */
  @Override
  public void close() {
    if (closed || !(iterator instanceof AutoCloseable closeable)) {
      return;
    }
    closed = true;
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

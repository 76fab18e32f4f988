package org.lrfinder.trainer;

import java.util.Iterator;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.data.BatchWalk;
import org.lrfinder.data.Batches;
import org.lrfinder.data.RowCutter;

/**
 * Training batches on their way to sweeps and trainings: says when the first is about to be drawn,
 * counts them, and notices a source that hands out the same iterator again.
 */
final class WatchedBatches<B> {
  private final Iterable<B> source;
  private final RowCutter.Factory cutters;
  private Runnable beforeFirst = () -> {};
  private boolean begun;
  private long drawn;
  private @Nullable BatchWalk<B> last;
  private boolean sameIterator;

  WatchedBatches(Iterable<B> source, RowCutter.Factory cutters) {
    this.source = source;
    this.cutters = cutters;
  }

  /** An iterable that walks by epochs, so that a source can. */
  @SuppressWarnings("unchecked") // nobody looks at what B is
  static <B> Iterable<B> byEpochs(LongFunction<Iterator<B>> walks) {
    Batches batches = epoch -> (Iterator<Batch>) walks.apply(epoch);
    return (Iterable<B>) batches;
  }

  Iterable<B> iterable() {
    return byEpochs(Walk::new);
  }

  void beforeFirst(Runnable action) {
    beforeFirst = action;
  }

  /** Batches drawn until now. */
  long drawn() {
    return drawn;
  }

  /** Whether the last two walks were given one iterator. */
  boolean sameIterator() {
    return sameIterator;
  }

  private final class Walk implements Iterator<B>, AutoCloseable {
    private final BatchWalk<B> walk;

    Walk(long epoch) {
      walk = new BatchWalk<>(source, epoch, cutters);
      sameIterator = last != null && walk.sharesIteratorWith(last);
      last = walk;
    }

    @Override
    public boolean hasNext() {
      boolean has = walk.hasNext();
      if (has && !begun) {
        begun = true;
        beforeFirst.run();
      }
      return has;
    }

    @Override
    public B next() {
      drawn++;
      return walk.next();
    }

    @Override
    public void close() {
      walk.close();
    }
  }
}

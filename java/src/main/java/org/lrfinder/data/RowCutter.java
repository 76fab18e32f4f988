package org.lrfinder.data;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Cuts one walk's batches from the rows of a data set. Confined to one thread.
 *
 * <p>An engine has one of its own, for the batches that it alone looks at.
 */
public interface RowCutter extends AutoCloseable {
  /** Makes a cutter for a walk. */
  @FunctionalInterface
  interface Factory {
    /**
     * Opens a cutter.
     *
     * @param inputs one row per example, shape {@code [n, ...]}
     * @param targets one row per example, shape {@code [n, ...]}
     * @param batchSize rows in a batch, of which the last may have fewer
     * @param order the numbers of the rows, one by one, of type Long and on the inputs' device;
     *     null for all as they lie. It is open as long as the cutter is
     * @return the cutter, to be closed by whoever walks
     */
    RowCutter open(Tensor inputs, Tensor targets, int batchSize, @Nullable Tensor order);
  }

  /**
   * Cuts a batch.
   *
   * @param index of the batch in its walk, from 0
   * @return the batch, of which nothing may be used once the next is cut or this is closed
   */
  Batch cut(long index);

  /** Frees the batch that was cut last. */
  @Override
  void close();

  /**
   * Opens the cutter that is made of libtorch's own operators: batches in an order are copies, the
   * others are views.
   *
   * @param inputs as for {@link Factory#open}, like the others
   * @return the cutter
   */
  static RowCutter ofOperators(
      Tensor inputs, Tensor targets, int batchSize, @Nullable Tensor order) {
    return new RowCutter() {
      private final long rows = (order == null ? inputs : order).size(0);
      private Tensor[] current = {};

      @Override
      public Batch cut(long index) {
        close();
        long from = index * batchSize;
        long count = Math.min(batchSize, rows - from);
        current = new Tensor[] {rows(inputs, from, count), rows(targets, from, count)};
        return new Batch(current[0], current[1]);
      }

      private Tensor rows(Tensor data, long from, long count) {
        if (order == null) {
          return data.narrow(0, from, count);
        }
        try (Tensor indices = order.narrow(0, from, count)) {
          return data.index_select(0, indices);
        }
      }

      @Override
      public void close() {
        for (Tensor tensor : current) {
          tensor.close();
        }
      }
    };
  }
}

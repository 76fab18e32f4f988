package org.lrfinder.data;

import java.nio.LongBuffer;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Batches of a data set that is held in memory, on any device. Without a seed they come in the
 * order of the rows; with one they are shuffled anew each epoch, by a generator of their own that
 * leaves libtorch's alone.
 *
 * <p>Immutable; several threads may walk at once, each with its own iterator. A batch's tensors are
 * closed when the iterator is asked for the next batch or closed. The data tensors stay the
 * caller's and have to outlive this object.
 */
public final class TensorBatches implements Batches {
  private final Tensor inputs;
  private final Tensor targets;
  private final long rows;
  private final int batchSize;
  private final boolean keepPartial;
  private final OptionalLong seed;
  private final Shard shard;

  /** Which rows of each batch these batches have. */
  private record Shard(int rank, int ranks) {
    static final Shard ALL = new Shard(0, 1);
  }

  private TensorBatches(
      Tensor inputs,
      Tensor targets,
      int batchSize,
      boolean keepPartial,
      OptionalLong seed,
      Shard shard) {
    this.inputs = inputs;
    this.targets = targets;
    this.batchSize = batchSize;
    this.keepPartial = keepPartial;
    this.seed = seed;
    this.shard = shard;
    this.rows = inputs.size(0);
    if (shard.ranks > 1 && (long) batchSize * shard.ranks > rows) {
      throw new IllegalArgumentException(
          "%d shards with batches of %d rows need %d rows, but there are %d"
              .formatted(shard.ranks, batchSize, (long) batchSize * shard.ranks, rows));
    }
    if (batchSize < 1 || batchSize > rows) {
      throw new IllegalArgumentException(
          "batchSize is " + batchSize + ", but must be between 1 and the number of rows, " + rows);
    }
  }

  /**
   * Creates unshuffled batches without a partial one at the end.
   *
   * @param inputs one row per example, shape {@code [n, ...]}
   * @param targets one row per example, shape {@code [n, ...]}
   * @param batchSize rows in a batch, from 1 to n
   * @return the batches
   * @throws IllegalArgumentException if the tensors have no rows or not as many as each other, or
   *     the batch size is out of its range
   */
  public static TensorBatches of(Tensor inputs, Tensor targets, int batchSize) {
    Objects.requireNonNull(inputs, "inputs");
    Objects.requireNonNull(targets, "targets");
    if (inputs.dim() == 0
        || targets.dim() == 0
        || inputs.size(0) != targets.size(0)
        || inputs.size(0) == 0) {
      throw new IllegalArgumentException(
          "inputs and targets need the same number of rows, at least one, not "
              + (inputs.dim() == 0 ? "none" : inputs.size(0))
              + " and "
              + (targets.dim() == 0 ? "none" : targets.size(0)));
    }
    return new TensorBatches(inputs, targets, batchSize, false, OptionalLong.empty(), Shard.ALL);
  }

  /**
   * Shuffles the rows anew each epoch.
   *
   * @param seed of the shuffling; the same seed and epoch give the same order
   * @return batches like these, shuffled
   */
  public TensorBatches shuffled(long seed) {
    return new TensorBatches(inputs, targets, batchSize, keepPartial, OptionalLong.of(seed), shard);
  }

  /** {@return batches like these that end an epoch with the rows that do not fill a batch} */
  public TensorBatches keepingPartial() {
    return new TensorBatches(inputs, targets, batchSize, true, seed, shard);
  }

  /**
   * Takes the share of one of several processes: of every {@code ranks} times {@code batchSize}
   * rows, in the order that all have in common, the {@code rank}th {@code batchSize}. The rows that
   * do not fill a batch of all, if they are kept, are dealt out as evenly as can be, so that a
   * process may have an empty last batch.
   *
   * @param rank of this process, from 0
   * @param ranks number of processes, at least 1
   * @return batches like these, of this process's rows
   * @throws IllegalArgumentException if there is no such rank, or the rows do not fill a batch for
   *     each
   */
  public TensorBatches shard(int rank, int ranks) {
    if (rank < 0 || rank >= ranks) {
      throw new IllegalArgumentException(
          "rank is %d, but must be from 0 to %d".formatted(rank, ranks - 1));
    }
    return new TensorBatches(inputs, targets, batchSize, keepPartial, seed, new Shard(rank, ranks));
  }

  /** {@return the number of batches in an epoch} */
  public long batchesPerEpoch() {
    long full = (long) batchSize * shard.ranks;
    return keepPartial ? (rows + full - 1) / full : rows / full;
  }

  /** {@inheritDoc} The iterator is {@link AutoCloseable}. */
  @Override
  public Iterator<Batch> epoch(long epoch) {
    return epoch(epoch, RowCutter::ofOperators);
  }

  /** The same batches, cut in another way. */
  Iterator<Batch> epoch(long epoch, RowCutter.Factory cutters) {
    requireOpen();
    return new Walk(epoch, cutters);
  }

  private void requireOpen() {
    if (inputs.isNull() || targets.isNull()) {
      throw new IllegalArgumentException(
          "the data set's %s were closed before they were used"
              .formatted(inputs.isNull() ? "inputs" : "targets"));
    }
  }

  /** The numbers of the rows, shuffled where they lie: an epoch leaves no garbage of their size. */
  private Tensor order(long seed, long epoch) {
    // Two rounds of a mixing generator, so that neighbouring seeds and epochs share nothing.
    SplittableRandom random = new SplittableRandom(new SplittableRandom(seed).nextLong() + epoch);
    Tensor numbers = torch.arange(new Scalar(rows));
    LongBuffer order = numbers.createBuffer();
    for (int i = 1; i < order.capacity(); i++) {
      int j = random.nextInt(i + 1);
      order.put(i, order.get(j));
      order.put(j, i);
    }
    return numbers.to(inputs.device(), ScalarType.Long);
  }

  /** The rows of this shard among those of an order, or of all as they lie. */
  private Tensor own(@Nullable Tensor all) {
    long full = (long) batchSize * shard.ranks;
    long left = rows % full;
    long share = left / shard.ranks;
    long more = left % shard.ranks; // ranks that have one more
    long from = rows - left + shard.rank * share + Math.min(shard.rank, more);
    Tensor numbers = all == null ? torch.arange(new Scalar(rows)) : all.cpu();
    Tensor whole =
        numbers
            .narrow(0, 0, rows - left)
            .view(-1, shard.ranks, batchSize)
            .select(1, shard.rank)
            .reshape(-1);
    Tensor rest = numbers.narrow(0, from, shard.rank < more ? share + 1 : share);
    return torch.cat(new TensorVector(whole, rest)).to(inputs.device(), ScalarType.Long);
  }

  private final class Walk implements Iterator<Batch>, AutoCloseable {
    private final @Nullable Tensor order; // null: that of the rows
    private final RowCutter cutter;
    private long next;
    private @Nullable Batch empty; // the last one, where others have its rows

    Walk(long epoch, RowCutter.Factory cutters) {
      try (PointerScope scope = new PointerScope()) {
        Tensor all = seed.isPresent() ? order(seed.getAsLong(), epoch) : null;
        order = shard.ranks == 1 ? all : own(all);
        cutter = cutters.open(inputs, targets, batchSize, order);
        if (order != null) {
          order.retainReference(); // outlives the scope, until close()
        }
      }
    }

    @Override
    public boolean hasNext() {
      return next < batchesPerEpoch();
    }

    @Override
    public Batch next() {
      if (!hasNext()) {
        throw new NoSuchElementException("the epoch has " + batchesPerEpoch() + " batches");
      }
      requireOpen();
      long index = next++;
      if (order != null && index * batchSize >= order.size(0)) {
        cutter.close();
        empty = new Batch(inputs.narrow(0, 0, 0), targets.narrow(0, 0, 0));
        return empty;
      }
      return cutter.cut(index);
    }

    @Override
    public void close() {
      next = batchesPerEpoch();
      cutter.close();
      if (empty != null) {
        empty.input().close();
        empty.target().close();
      }
      if (order != null) {
        order.close();
      }
    }
  }
}

package org.lrfinder.data;

import java.util.Iterator;
import java.util.Objects;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Batches on a device: those of type {@link Batch} or {@link Tensor} are copied there, where they
 * are elsewhere; batches of other types stay as they are. To a CUDA device they are copied from
 * pinned memory, and nobody waits for that: a tensor that is pinned already must not be overwritten
 * while the device may still read it. A copy lives until the next batch is asked for.
 *
 * @param <B> what a batch is
 */
public final class PlacedBatches<B> implements Iterable<B> {
  private final Iterable<B> source;
  private final String device;

  private PlacedBatches(Iterable<B> source, String device) {
    this.source = Objects.requireNonNull(source, "source");
    this.device = device;
  }

  /**
   * Places batches.
   *
   * @param <B> what a batch is
   * @param source walked when these batches are, by the epoch's number if it is a {@link Batches}
   * @param device as libtorch names it, such as {@code cuda:0}; null leaves the batches as they are
   * @return the batches there
   */
  public static <B> Iterable<B> on(@Nullable String device, Iterable<B> source) {
    return device == null ? source : new PlacedBatches<>(source, device);
  }

  /** {@inheritDoc} The iterator is {@link AutoCloseable}. */
  @Override
  public Iterator<B> iterator() {
    return epoch(0, RowCutter::ofOperators);
  }

  /** Walks through an epoch of the source. */
  Iterator<B> epoch(long epoch, RowCutter.Factory cutters) {
    return new Walk(new BatchWalk<>(source, epoch, cutters));
  }

  private final class Walk implements Iterator<B>, AutoCloseable {
    private final BatchWalk<B> walk;
    private final Device place;
    private Tensor[] copies = {};

    Walk(BatchWalk<B> walk) {
      this.walk = walk;
      try (BytePointer name = new BytePointer(device)) {
        place = new Device(name);
        place.retainReference(); // outlives a scope of the caller's, until close()
      }
    }

    @Override
    public boolean hasNext() {
      return walk.hasNext();
    }

    @Override
    @SuppressWarnings("unchecked") // a Batch for a Batch, a Tensor for a Tensor
    public B next() {
      closeCopies();
      B next = walk.next();
      if (next instanceof Batch batch) {
        copies = new Tensor[] {placed(batch.input()), placed(batch.target())};
        return (B) new Batch(copies[0], copies[1]);
      }
      if (next instanceof Tensor tensor) {
        copies = new Tensor[] {placed(tensor)};
        return (B) copies[0];
      }
      return next;
    }

    private Tensor placed(Tensor tensor) {
      try (PointerScope scope = new PointerScope()) {
        boolean late = place.is_cuda() && tensor.is_cpu();
        Tensor from = late ? tensor.pin_memory() : tensor;
        Tensor copy = from.to(place, tensor.scalar_type(), late, false, new MemoryFormatOptional());
        copy.retainReference(); // until closeCopies()
        return copy;
      }
    }

    private void closeCopies() {
      for (Tensor copy : copies) {
        copy.close();
      }
      copies = new Tensor[0];
    }

    @Override
    public void close() {
      closeCopies();
      place.close();
      walk.close();
    }
  }
}

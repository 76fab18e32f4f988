package org.lrfinder.data;

import java.util.Iterator;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;

/**
 * A walk that puts batches of type {@link Batch} on a device; the copies live until the next batch.
 * Confined to one thread.
 *
 * @param <B> what a batch is
 */
public final class PlacedBatches<B> implements Iterator<B>, AutoCloseable {
  private final BatchWalk<B> walk;
  private final Device device;
  private Tensor[] copies = {};

  /**
   * Begins a walk.
   *
   * @param source what is walked
   * @param epoch of the walk, from 0
   * @param device as libtorch names it, such as {@code cuda:0}
   */
  public PlacedBatches(Iterable<B> source, long epoch, String device) {
    this.walk = new BatchWalk<>(source, epoch);
    this.device = new Device(new BytePointer(device));
  }

  @Override
  public boolean hasNext() {
    return walk.hasNext();
  }

  @Override
  @SuppressWarnings("unchecked") // a Batch for a Batch
  public B next() {
    closeCopies();
    B next = walk.next();
    if (!(next instanceof Batch batch)) {
      return next;
    }
    copies = new Tensor[] {placed(batch.input()), placed(batch.target())};
    return (B) new Batch(copies[0], copies[1]);
  }

  private Tensor placed(Tensor tensor) {
    return tensor.to(device, tensor.scalar_type());
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
    device.close();
    walk.close();
  }
}

package org.lrfinder.trainer;

import java.util.Iterator;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.BatchWalk;

/**
 * What a model is trained and validated on.
 *
 * @param validation null for none
 * @param watched sees every walk of the training batches
 */
record Data<B>(Iterable<B> train, @Nullable Iterable<B> validation, WatchedBatches<B> watched) {
  /**
   * The model's own batches, or else those given.
   *
   * @param device where they are put if they are of type {@link Batch}; null leaves them where they
   *     are
   * @throws IllegalArgumentException if there are no training batches
   */
  static <B> Data<B> of(
      TrainableModel<B> model,
      @Nullable Iterable<B> train,
      @Nullable Iterable<B> validation,
      @Nullable String device) {
    Iterable<B> ownTrain = model.trainBatches();
    Iterable<B> ownValidation = model.validationBatches();
    Iterable<B> chosen = ownTrain != null ? ownTrain : train;
    if (chosen == null) {
      throw new IllegalArgumentException(
          "there is no training data: %s has no trainBatches(), and none were given"
              .formatted(model.getClass().getName()));
    }
    Iterable<B> held = ownValidation != null ? ownValidation : validation;
    WatchedBatches<B> watched = new WatchedBatches<>(chosen);
    return new Data<>(
        placed(watched.iterable(), device), held == null ? null : placed(held, device), watched);
  }

  private static <B> Iterable<B> placed(Iterable<B> source, @Nullable String device) {
    return device == null
        ? source
        : WatchedBatches.byEpochs(epoch -> new Placed<>(source, epoch, device));
  }

  /** A walk whose batches are on a device; copies live until the next batch. */
  private static final class Placed<B> implements Iterator<B>, AutoCloseable {
    private final BatchWalk<B> walk;
    private final Device device;
    private Tensor[] copies = {};

    Placed(Iterable<B> source, long epoch, String device) {
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
}

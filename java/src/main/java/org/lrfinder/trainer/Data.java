package org.lrfinder.trainer;

import java.util.Iterator;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.BatchWalk;
import org.lrfinder.sweep.Batches;

/**
 * What a model is trained and validated on.
 *
 * @param validation null for none
 */
record Data(Iterable<Batch> train, @Nullable Iterable<Batch> validation) {
  /**
   * The model's own batches, or else those given.
   *
   * @param device where they are put; null leaves them where they are
   * @throws IllegalArgumentException if there are no training batches
   */
  static Data of(
      Model model,
      @Nullable Iterable<Batch> train,
      @Nullable Iterable<Batch> validation,
      @Nullable String device) {
    Iterable<Batch> ownTrain = model.trainBatches();
    Iterable<Batch> ownValidation = model.validationBatches();
    Iterable<Batch> chosen = ownTrain != null ? ownTrain : train;
    if (chosen == null) {
      throw new IllegalArgumentException(
          "there is no training data: %s has no trainBatches(), and none were given"
              .formatted(model.getClass().getName()));
    }
    Iterable<Batch> held = ownValidation != null ? ownValidation : validation;
    return new Data(placed(chosen, device), held == null ? null : placed(held, device));
  }

  private static Iterable<Batch> placed(Iterable<Batch> source, @Nullable String device) {
    return device == null ? source : (Batches) epoch -> new Placed(source, epoch, device);
  }

  /** A walk whose batches are on a device; copies live until the next batch. */
  private static final class Placed implements Iterator<Batch>, AutoCloseable {
    private final BatchWalk<Batch> walk;
    private final Device device;
    private Tensor[] copies = {};

    Placed(Iterable<Batch> source, long epoch, String device) {
      this.walk = new BatchWalk<>(source, epoch);
      this.device = new Device(new BytePointer(device));
    }

    @Override
    public boolean hasNext() {
      return walk.hasNext();
    }

    @Override
    public Batch next() {
      closeCopies();
      Batch batch = walk.next();
      copies = new Tensor[] {placed(batch.input()), placed(batch.target())};
      return new Batch(copies[0], copies[1]);
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

package org.lrfinder.trainer;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.data.PlacedBatches;
import org.lrfinder.internal.engine.ModelClaim;

/**
 * What a model is trained and validated on.
 *
 * @param validation null for none
 * @param watched sees every walk of the training batches
 */
record Data<B>(Iterable<B> train, @Nullable Iterable<B> validation, WatchedBatches<B> watched) {
  /**
   * The model's own batches, or else those given. Puts the model on the device as well.
   *
   * @param device where batches are put if they are of type {@link Batch}; null leaves all where it
   *     is
   * @throws IllegalArgumentException if there are no training batches, or there is no such device
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
    if (device != null) {
      place(model, device);
    }
    WatchedBatches<B> watched = new WatchedBatches<>(chosen);
    return new Data<>(
        placed(watched.iterable(), device), held == null ? null : placed(held, device), watched);
  }

  private static void place(TrainableModel<?> model, String device) {
    if (device.startsWith("cuda") && !torch.cuda_is_available()) {
      throw new IllegalArgumentException(
          "device is %s, but libtorch finds no CUDA device".formatted(device));
    }
    Module network = model.module(); // may be made now, and must outlive the scope
    try (ModelClaim claim = ModelClaim.ofTraining(network);
        PointerScope scope = new PointerScope()) {
      network.to(new Device(new BytePointer(device)), false);
    }
  }

  private static <B> Iterable<B> placed(Iterable<B> source, @Nullable String device) {
    return device == null
        ? source
        : WatchedBatches.byEpochs(epoch -> new PlacedBatches<>(source, epoch, device));
  }
}

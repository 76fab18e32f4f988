package org.lrfinder.trainer;

import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.data.PlacedBatches;

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
        : WatchedBatches.byEpochs(epoch -> new PlacedBatches<>(source, epoch, device));
  }
}

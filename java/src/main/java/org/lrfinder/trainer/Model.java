package org.lrfinder.trainer;

import java.util.Optional;
import org.bytedeco.pytorch.LRScheduler;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;

/**
 * What a {@link Trainer} trains: a network, its optimizer, and either a built-in loss or a training
 * step of its own.
 *
 * <p>Its learning rate is a hyperparameter or a field, by default named {@code lr}, {@code
 * learningRate} or {@code learning_rate}, which {@link #configureOptimizers} reads:
 *
 * <pre>{@code
 * class Digits implements Model {
 *   double lr = 1e-3;
 *   final SequentialImpl network = ...;
 *
 *   public SequentialImpl module() { return network; }
 *   public Optional<Loss> loss() { return Optional.of(Loss.CROSS_ENTROPY); }
 *   public Optimizer configureOptimizers() { return new Adam(network.parameters(), new AdamOptions(lr)); }
 * }
 * }</pre>
 *
 * <p>Called on the thread that called the trainer, and outside any {@link
 * org.bytedeco.javacpp.PointerScope} of the library.
 */
public interface Model {
  /**
   * Names the network. The same object each time; the model keeps it and its layers reachable.
   *
   * @return what is trained, in the train/eval modes that its modules are in
   */
  Module module();

  /**
   * Makes the optimizer, at the learning rate that the model has now. Called before a sweep and
   * again before the training, with the rate that the sweep found.
   *
   * @return a new optimizer over parameters of {@link #module}; any class but LBFGS, and for a
   *     sweep SGD, Adam, AdamW, Adagrad or RMSprop
   */
  Optimizer configureOptimizers();

  /**
   * Makes a scheduler of the learning rate, which is stepped once after each epoch. (libtorch's
   * {@code StepLR} counts its first step as the one that PyTorch's constructor makes: it decays
   * from the second on.) A sweep does not move it.
   *
   * @param optimizer what {@link #configureOptimizers} made
   * @return null, the default, for none
   */
  default @Nullable LRScheduler configureScheduler(Optimizer optimizer) {
    return null;
  }

  /**
   * Names a built-in loss. With one, {@link #module} must be a {@code SequentialImpl}: it is
   * forwarded natively, one crossing from Java for each micro-batch, and {@link #trainingStep} and
   * {@link #validationStep} are not called.
   *
   * @return empty by default
   */
  default Optional<Loss> loss() {
    return Optional.empty();
  }

  /**
   * Forwards the network and computes the loss; no backward pass, no update. To be overridden where
   * {@link #loss} is empty.
   *
   * @param batch a micro-batch
   * @return one real number that depends on the parameters
   */
  default Tensor trainingStep(Batch batch) {
    throw new UnsupportedOperationException(
        "%s needs a loss() or a trainingStep(batch)".formatted(getClass().getName()));
  }

  /**
   * Computes the loss of a validation batch. Called without gradients, with the network in eval
   * mode.
   *
   * @param batch a batch
   * @return one real number; by default that of {@link #trainingStep}
   */
  default Tensor validationStep(Batch batch) {
    return trainingStep(batch);
  }

  /**
   * Names the training data. Where it is a {@link org.lrfinder.sweep.Batches}, each epoch is walked
   * by its number.
   *
   * @return null, the default, for none: then {@code fit} is given them
   */
  default @Nullable Iterable<Batch> trainBatches() {
    return null;
  }

  /**
   * Names the validation data, which is walked whole after each epoch.
   *
   * @return null, the default, for none
   */
  default @Nullable Iterable<Batch> validationBatches() {
    return null;
  }

  /**
   * Names the hyperparameters, which are logged, saved and restored.
   *
   * @return the same object each time: a {@code Map} by name, or an object whose fields they are;
   *     null, the default, for the model's own fields of type number, boolean, text or enum
   */
  default @Nullable Object hyperparameters() {
    return null;
  }
}

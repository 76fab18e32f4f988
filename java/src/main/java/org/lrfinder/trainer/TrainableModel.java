package org.lrfinder.trainer;

import org.bytedeco.pytorch.LRScheduler;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.ReduceLROnPlateauScheduler;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Trainer} trains, with batches of any type: a network, its optimizer and a training
 * step. Where batches are tensors of inputs and targets, a {@link Model} is simpler, and faster
 * with a built-in loss.
 *
 * <pre>{@code
 * record Pair(Tensor left, Tensor right, Tensor same) {}
 *
 * class Twins implements TrainableModel<Pair> {
 *   double lr = 1e-3;
 *   ...
 *   public Tensor trainingStep(Pair pair) { return loss(network.forward(pair.left()), network.forward(pair.right()), pair.same()); }
 *   public Iterable<Pair> trainBatches() { return pairs; }
 * }
 * }</pre>
 *
 * <p>Its learning rate is a hyperparameter or a field, by default named {@code lr}, {@code
 * learningRate} or {@code learning_rate}, which {@link #configureOptimizers} reads.
 *
 * <p>Called on the thread that called the trainer, and outside any {@link
 * org.bytedeco.javacpp.PointerScope} of the library.
 *
 * @param <B> what a batch is: a tuple, a map, an {@code ExampleVector} of the presets, anything
 */
public interface TrainableModel<B> {
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
   *     sweep one of those that {@link org.lrfinder.LrFinder} lists
   */
  Optimizer configureOptimizers();

  /**
   * Makes a scheduler of the learning rate, which is stepped once after each epoch. (libtorch's
   * {@code StepLR} counts its first step as the one that PyTorch's constructor makes: it decays
   * from the second on.) A sweep does not move it; {@link Trainer#restore} walks a new one to the
   * checkpoint's epoch.
   *
   * @param optimizer what {@link #configureOptimizers} made
   * @return null, the default, for none
   */
  default @Nullable LRScheduler configureScheduler(Optimizer optimizer) {
    return null;
  }

  /**
   * Makes a scheduler that lowers the learning rate once the loss no longer falls. It is stepped
   * after each epoch, and after the step of {@link #configureScheduler}'s if there are both, with
   * the epoch's validation loss or, without validation batches, its mean training loss. A sweep
   * does not move it; {@link Trainer#restore} steps a new one with the losses of the epochs before
   * the checkpoint.
   *
   * @param optimizer what {@link #configureOptimizers} made
   * @return null, the default, for none
   */
  default @Nullable ReduceLROnPlateauScheduler configurePlateauScheduler(Optimizer optimizer) {
    return null;
  }

  /**
   * Forwards the network and computes the loss; no backward pass, no update.
   *
   * @param batch a micro-batch
   * @return one real number that depends on the parameters; null leaves the batch out: it is no
   *     micro-batch, and the next one takes its place. An epoch of which every batch is left out is
   *     an {@link IllegalArgumentException} of {@code fit}
   */
  @Nullable Tensor trainingStep(B batch);

  /**
   * Promises that the model's steps, those of {@link #trainingStep} among them, may be replayed, in
   * trainings and in sweeps of the model alike: all that {@link
   * org.lrfinder.SweepTask#declaredStatic} says of losses and networks, and what it says of
   * batches. In a replayed step {@link #trainingStep} is not called.
   *
   * @return false by default
   */
  default boolean declaredStatic() {
    return false;
  }

  /**
   * Computes the loss of a validation batch. Called without gradients, with the network in eval
   * mode.
   *
   * @param batch a batch
   * @return one real number, by default that of {@link #trainingStep}; null leaves the batch out of
   *     the mean
   */
  default @Nullable Tensor validationStep(B batch) {
    return trainingStep(batch);
  }

  /**
   * Names the training data. Where it is a {@link org.lrfinder.data.Batches}, each epoch is walked
   * by its number; otherwise its {@code iterator()} starts anew each time it is called.
   *
   * @return null, the default, for none: then {@code fit} is given them
   */
  default @Nullable Iterable<B> trainBatches() {
    return null;
  }

  /**
   * Names the validation data, which is walked whole after each epoch.
   *
   * @return null, the default, for none
   */
  default @Nullable Iterable<B> validationBatches() {
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

package org.lrfinder;

import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.data.PlacedBatches;
import org.lrfinder.distributed.Distributed;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.engine.EngineSession;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.Peers;
import org.lrfinder.internal.engine.SweepSubject;
import org.lrfinder.internal.loop.Validation;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;

/**
 * A sweep that a finder can do: what is swept, by which loss, on which data, and on what it is
 * validated, if it is.
 *
 * <pre>{@code
 * LrFinderResult found = finder.find(
 *     SweepTask.of(script, adam, Loss.CROSS_ENTROPY, batches).validatedOn(validationBatches));
 * }</pre>
 *
 * <p>Optimizers are of the classes that {@link LrFinder} lists. Training data is walked from its
 * start, and again when it ends.
 *
 * <p>Immutable; may be swept any number of times, and by several finders. What it refers to is not
 * copied, and not looked at before the sweep: what cannot be swept is refused by {@link
 * LrFinder#find(SweepTask)}. The methods here throw {@link NullPointerException} for null.
 *
 * @param <B> what a batch is
 */
public final class SweepTask<B> {
  /** Opens the validation of a sweep. */
  private interface Validating {
    Validation<?> over(
        SweepSubject subject, EngineSession session, int count, @Nullable String device);
  }

  private final List<OptimizedLoss<B>> losses; // none for a step function
  private final Iterable<B> batches;
  private final @Nullable Validating validation;
  private final @Nullable StepFunction step;
  private final boolean declaredStatic;
  private final @Nullable String device; // of the batches; null for where they are
  private final @Nullable Distributed group; // null for this process alone

  private SweepTask(
      List<OptimizedLoss<B>> losses,
      Iterable<B> batches,
      @Nullable Validating validation,
      @Nullable StepFunction step,
      boolean declaredStatic,
      @Nullable String device,
      @Nullable Distributed group) {
    this.losses = List.copyOf(losses);
    this.batches = Objects.requireNonNull(batches, "batches");
    this.validation = validation;
    this.step = step;
    this.declaredStatic = declaredStatic;
    this.device = device;
    this.group = group;
  }

  /**
   * Creates the task of a network that the engine forwards itself, in native code.
   *
   * @param network forwarded with each batch's input, in the train/eval mode that it is in
   * @param optimizer over parameters of the network
   * @param loss what compares the network's output with the batch's target
   * @param batches training data
   * @return the task
   */
  public static SweepTask<Batch> of(
      SequentialImpl network, Optimizer optimizer, Loss loss, Iterable<Batch> batches) {
    Objects.requireNonNull(network, "network");
    return of(List.of(OptimizedLoss.of(network, null, optimizer, loss)), batches);
  }

  /**
   * Creates the task of a TorchScript module that the engine forwards itself, else as {@link
   * #of(SequentialImpl, Optimizer, Loss, Iterable)} does. TorchScript runs unoptimized on the
   * sweep's thread meanwhile, so that its executor learns nothing from the sweep.
   *
   * @param network takes one tensor and returns one
   * @return the task
   */
  public static SweepTask<Batch> of(
      JitModule network, Optimizer optimizer, Loss loss, Iterable<Batch> batches) {
    Objects.requireNonNull(network, "network");
    return of(List.of(OptimizedLoss.of(null, network, optimizer, loss)), batches);
  }

  /**
   * Creates the task of a network whose loss is computed in Java.
   *
   * @param <B> what a batch is
   * @param network what is put back beside the optimizer's parameters: its other parameters, its
   *     buffers and its train/eval modes
   * @param optimizer over parameters of the network
   * @param loss forwards the network and returns the loss
   * @param batches training data
   * @return the task
   */
  public static <B> SweepTask<B> of(
      Module network, Optimizer optimizer, LossFunction<B> loss, Iterable<B> batches) {
    return of(List.of(OptimizedLoss.sweeping(network, optimizer, loss)), batches);
  }

  /**
   * Creates the task of a TorchScript module whose loss is computed in Java, one with several
   * inputs or outputs, say; else as {@link #of(Module, Optimizer, LossFunction, Iterable)} does.
   *
   * @param network put back with its buffers, attributes and train/eval modes
   * @return the task
   */
  public static <B> SweepTask<B> of(
      JitModule network, Optimizer optimizer, LossFunction<B> loss, Iterable<B> batches) {
    return of(List.of(OptimizedLoss.sweeping(network, optimizer, loss)), batches);
  }

  /**
   * Creates the task of parameters whose loss is computed in Java, without knowing the network:
   * only what the optimizer is over is put back, and not the buffers of batch norm, say; nothing is
   * put into eval mode for validation. Where there is a network, hand it over.
   *
   * @param <B> what a batch is
   * @param optimizer over the parameters
   * @param loss returns the loss of a batch
   * @param batches training data
   * @return the task
   */
  public static <B> SweepTask<B> of(
      Optimizer optimizer, LossFunction<B> loss, Iterable<B> batches) {
    return of(List.of(OptimizedLoss.of(null, null, optimizer, true, loss)), batches);
  }

  /**
   * Creates the task of several optimizers, or of one while others keep their rates. In each step
   * every loss takes its turn on the same batch, in their order: forward, backward to the
   * parameters of its own optimizers alone, and an update by each of them. The first loss may leave
   * a batch out for all; a later one must not, since those before it have been updated. The
   * recorded loss is the sum of those losses of which an optimizer is swept. Parameter groups count
   * through all optimizers in their order, in {@link LrFinder.Builder#groupRatios}, {@link
   * LrFinder.Builder#sweptGroups} and the result.
   *
   * @param <B> what a batch is
   * @param losses at least one, each with an optimizer at least
   * @param batches training data
   * @return the task
   * @throws IllegalArgumentException if there is no loss
   */
  public static <B> SweepTask<B> of(List<OptimizedLoss<B>> losses, Iterable<B> batches) {
    if (losses.isEmpty()) {
      throw new IllegalArgumentException("there is no loss to sweep");
    }
    return new SweepTask<>(losses, batches, null, null, false, null, null);
  }

  /**
   * Creates the task of any training step, without tensors. Accumulation, clipping, group ratios
   * and ranges do not apply. Validated, if it overrides {@link StepFunction#validationLoss}.
   *
   * @param step does a step and, if it can, saves and restores
   * @return the task
   */
  public static SweepTask<Void> of(StepFunction step) {
    return new SweepTask<>(
        List.of(), List.of(), null, Objects.requireNonNull(step, "step"), false, null, null);
  }

  /**
   * Measures the task's own loss on validation batches after each update, where there are several
   * losses the sum of those that are recorded: the first {@link SweepSettings#validationBatchCount}
   * batches, with all networks in eval mode and without gradients. Each step costs that many
   * forward passes more. A batch that the loss leaves out does not count in the mean; that all are
   * left out is refused by {@link LrFinder#find(SweepTask)}.
   *
   * @param validationBatches data that is not trained on. Of type {@link Batch} they are read once
   *     and copied for the time of the sweep; batches of another type cannot be copied, so that the
   *     source is walked from its start after each update and has to give the same ones each time
   * @return a copy whose result has {@link org.lrfinder.sweep.Curve#validationLosses}, instead of
   *     earlier ones
   * @throws IllegalArgumentException if this is the task of a step function
   */
  public SweepTask<B> validatedOn(Iterable<B> validationBatches) {
    List<Objective<B>> objectives = objectives();
    return with(
        IntStream.range(0, losses.size())
            .mapToObj(i -> new Validation.Term<>(objectives.get(i), losses.get(i).isRecorded()))
            .toList(),
        validationBatches);
  }

  /**
   * Measures another loss on validation batches, as {@link #validatedOn(Iterable)} does the task's
   * own.
   *
   * @param <V> what a validation batch is
   * @param validationLoss forwards the network and returns the loss on a validation batch
   * @param validationBatches data that is not trained on
   * @return a copy that is validated so
   */
  public <V> SweepTask<B> validatedOn(
      LossFunction<V> validationLoss, Iterable<V> validationBatches) {
    return with(
        List.of(new Validation.Term<>(new Objective.Callback<>(validationLoss), true)),
        validationBatches);
  }

  /**
   * Promises that steps may be replayed which the native engine would not replay by itself: those
   * of losses computed in Java, of modules written in Java or of a class that is not known, of
   * TorchScript with branches. For all batches whose tensors have the same shapes, types and
   * strides, the losses and the networks' own code
   *
   * <ul>
   *   <li>call the same operators of libtorch in the same order, with the same numbers: none that
   *       the host counted, drew or computed, nor one read from a tensor, as {@code item()} does;
   *   <li>read no tensors but the batch's, the networks' parameters and buffers, and tensors that
   *       stay the very same objects for the whole sweep;
   *   <li>do nothing in Java that each step needs, such as counting, printing or filling a mask
   *       through a pointer: <strong>in a replayed step no Java code of a loss or module is
   *       called</strong>;
   *   <li>leave out (by null) either every batch of those shapes or none.
   * </ul>
   *
   * <p>Random numbers that libtorch draws from its default generator, as dropout does, are drawn
   * anew in each step. Batches are of type {@link Batch}, or are a {@link
   * org.bytedeco.pytorch.Tensor} each; others are not replayed.
   *
   * <p>The promise is checked: the first run of each recording and every thousandth is compared bit
   * by bit with what autograd makes of the step. If they differ, autograd's counts, nothing is
   * replayed any more in that sweep, and {@link LrFinderResult#replay} says so. In between a broken
   * promise goes unnoticed, and the curve is not that of the network.
   *
   * @return a copy that may be replayed
   * @throws IllegalArgumentException for a step function, whose steps are the caller's own
   */
  public SweepTask<B> declaredStatic() {
    if (step != null) {
      throw new IllegalArgumentException(
          "a step function cannot be declared static: its steps are its own, and never replayed");
    }
    return new SweepTask<>(losses, batches, validation, null, true, device, group);
  }

  /**
   * Moves batches to a device: training and validation batches of type {@link Batch} or {@link
   * org.bytedeco.pytorch.Tensor}, each when it is drawn. Copies to a CUDA device are made from
   * pinned memory, and the sweep does not wait for them. Batches of other types stay where they
   * are: their loss moves them. A data set that fits on the device is better put there whole,
   * before its {@link org.lrfinder.data.TensorBatches} are made, which then cut batches there.
   *
   * <p>The network is not moved: a sweep leaves everything where it was. Move it before its
   * optimizer is made:
   *
   * <pre>{@code
   * network.to(new Device("cuda"), false);
   * Adam adam = new Adam(network.parameters());
   * finder.find(SweepTask.of(network, adam, Loss.CROSS_ENTROPY, batches).device("cuda"));
   * }</pre>
   *
   * @param device {@code cpu}, {@code cuda} or {@code cuda:N}
   * @return a copy whose batches are moved there
   * @throws IllegalArgumentException if it is no such name, or for a step function, which has no
   *     batches; that there is no such device is said by {@link LrFinder#find(SweepTask)}, with the
   *     reason
   */
  public SweepTask<B> device(String device) {
    Devices.requireName(device);
    if (step != null) {
      throw new IllegalArgumentException("a step function has no batches to move to " + device);
    }
    return new SweepTask<>(losses, batches, validation, null, declaredStatic, device, group);
  }

  /**
   * Sweeps together with other processes, each of which sweeps the same model with the same
   * settings on its own share of every batch: the curve is that of one process with batches as
   * large as all of theirs. Losses and gradients are means over all rows, which are counted where a
   * batch is of type {@link Batch} or {@link org.bytedeco.pytorch.Tensor}; batches of other types
   * count alike. What a loss weighs by itself, as by classes, is weighed within each share.
   *
   * <p>{@link org.lrfinder.data.TensorBatches#shard} divides a data set; other sources are the
   * caller's to divide. A process that runs out of batches, is interrupted, cancelled or out of
   * time ends the sweep of all after their next step.
   *
   * @param group the processes; {@link LrFinder#find(SweepTask)} throws {@link
   *     IllegalArgumentException} in all of them where they do not agree, and {@link
   *     org.lrfinder.engine.PeerException} where another failed
   * @return a copy that is swept so, by the native engine alone
   * @throws IllegalArgumentException for a step function, whose steps are the caller's own
   */
  public SweepTask<B> across(Distributed group) {
    Objects.requireNonNull(group, "group");
    if (step != null) {
      throw new IllegalArgumentException(
          "a step function is not swept across processes: its steps are its own");
    }
    return new SweepTask<>(losses, batches, validation, null, declaredStatic, device, group);
  }

  private <V> SweepTask<B> with(List<Validation.Term<V>> terms, Iterable<V> validationBatches) {
    Objects.requireNonNull(validationBatches, "validationBatches");
    if (step != null) {
      throw new IllegalArgumentException(
          "a step function is not validated on batches: override its validationLoss() instead");
    }
    return new SweepTask<>(
        losses,
        batches,
        (subject, session, count, place) ->
            Validation.ofFirst(
                count, subject, session, terms, PlacedBatches.on(place, validationBatches)),
        null,
        declaredStatic,
        device,
        group);
  }

  /** Null if it is a sweep over batches. */
  @Nullable StepFunction step() {
    return step;
  }

  SweepSubject subject() {
    return new SweepSubject(losses.stream().map(OptimizedLoss::part).toList(), declaredStatic);
  }

  /** Whether each optimizer is swept, in their order. */
  List<Boolean> swept() {
    return losses.stream().flatMap(loss -> loss.swept().stream()).toList();
  }

  List<Objective<B>> objectives() {
    return IntStream.range(0, losses.size()).mapToObj(i -> losses.get(i).objective(i)).toList();
  }

  /** Where they are to be. */
  Iterable<B> batches() {
    return PlacedBatches.on(device, batches);
  }

  /** Refuses a device that is not there. */
  void requireDevice() {
    if (device != null) {
      Devices.requirePresent(device);
    }
  }

  boolean isValidated() {
    return validation != null;
  }

  /** To be closed; null for this process alone. */
  @Nullable Peers peers() {
    return group == null ? null : new Peers(group.backend(), group.broadcasts(), group::diagnosis);
  }

  /** Null without validation. */
  @Nullable Validation<?> validation(SweepSubject subject, EngineSession session, int count) {
    return validation == null ? null : validation.over(subject, session, count, device);
  }
}

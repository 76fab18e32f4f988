package org.lrfinder;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.SweepSubject;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;

/**
 * A loss with the optimizers that lower it, each of which is swept or keeps its rates: what a
 * training with several optimizers is made of. A GAN has two losses, a network with sparse and
 * dense parameters one loss with two optimizers.
 *
 * <pre>{@code
 * finder.find(
 *     SweepTask.of(
 *         List.of(
 *             OptimizedLoss.sweeping(discriminator, adamD, batch -> realOrFake(batch)),
 *             OptimizedLoss.keeping(generator, adamG, batch -> deception(batch))),
 *         batches));
 * }</pre>
 *
 * <p>Immutable. What it refers to is not copied.
 *
 * @param <B> what a batch is
 */
public final class OptimizedLoss<B> {
  /** An optimizer, and whether its groups follow the swept rate. */
  private record Use(Optimizer optimizer, boolean swept) {
    Use {
      Objects.requireNonNull(optimizer, "optimizer");
    }
  }

  private final @Nullable Module module;
  private final @Nullable JitModule script;
  private final IntFunction<Objective<B>> objectives; // by its place among the losses of a step
  private final List<Use> uses;

  private OptimizedLoss(
      @Nullable Module module,
      @Nullable JitModule script,
      IntFunction<Objective<B>> objectives,
      List<Use> uses) {
    this.module = module;
    this.script = script;
    this.objectives = objectives;
    this.uses = List.copyOf(uses);
  }

  /** A loss computed in Java, of a network or of what the optimizer alone knows. */
  static <B> OptimizedLoss<B> of(
      @Nullable Module module,
      @Nullable JitModule script,
      Optimizer optimizer,
      boolean swept,
      LossFunction<B> loss) {
    Objects.requireNonNull(loss, "loss");
    return new OptimizedLoss<>(
        module,
        script,
        place -> new Objective.Callback<>(loss, place),
        List.of(new Use(optimizer, swept)));
  }

  /** A loss that the engine computes itself. */
  static OptimizedLoss<Batch> of(
      @Nullable Module module, @Nullable JitModule script, Optimizer optimizer, Loss loss) {
    Objective<Batch> objective = new Objective.Native(loss);
    return new OptimizedLoss<>(
        module, script, place -> objective, List.of(new Use(optimizer, true)));
  }

  /**
   * Creates a loss with an optimizer whose rates are swept.
   *
   * @param <B> what a batch is
   * @param network whose parameters the optimizer is over; put back after the sweep
   * @param optimizer of {@linkplain LrFinder a class that can be swept}
   * @param loss forwards the networks that it needs and returns the loss
   * @return the loss
   */
  public static <B> OptimizedLoss<B> sweeping(
      Module network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return of(network, null, optimizer, true, loss);
  }

  /**
   * {@return a loss of a TorchScript module, else as {@link #sweeping(Module, Optimizer,
   * LossFunction)} creates it}
   */
  public static <B> OptimizedLoss<B> sweeping(
      JitModule network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return of(null, network, optimizer, true, loss);
  }

  /**
   * Creates a loss with an optimizer that trains at its own rates. If no optimizer of a loss is
   * swept, that loss does not count in the curve.
   *
   * @param <B> what a batch is
   * @param network whose parameters the optimizer is over; put back after the sweep
   * @param optimizer of {@linkplain LrFinder a class that can be swept}
   * @param loss forwards the networks that it needs and returns the loss
   * @return the loss
   */
  public static <B> OptimizedLoss<B> keeping(
      Module network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return of(network, null, optimizer, false, loss);
  }

  /**
   * {@return a loss of a TorchScript module, else as {@link #keeping(Module, Optimizer,
   * LossFunction)} creates it}
   */
  public static <B> OptimizedLoss<B> keeping(
      JitModule network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return of(null, network, optimizer, false, loss);
  }

  /**
   * Adds an optimizer whose rates are swept.
   *
   * @param optimizer over parameters of the network that no other optimizer of this loss is over
   * @return a copy with that optimizer
   */
  public OptimizedLoss<B> andSweeping(Optimizer optimizer) {
    return with(optimizer, true);
  }

  /**
   * Adds an optimizer that trains at its own rates.
   *
   * @param optimizer over parameters of the network that no other optimizer of this loss is over
   * @return a copy with that optimizer
   */
  public OptimizedLoss<B> andKeeping(Optimizer optimizer) {
    return with(optimizer, false);
  }

  private OptimizedLoss<B> with(Optimizer optimizer, boolean swept) {
    List<Use> more = new ArrayList<>(uses);
    more.add(new Use(optimizer, swept));
    return new OptimizedLoss<>(module, script, objectives, more);
  }

  Objective<B> objective(int place) {
    return objectives.apply(place);
  }

  /** Whether each optimizer is swept, in their order. */
  List<Boolean> swept() {
    return uses.stream().map(Use::swept).toList();
  }

  /** Whether it counts in the curve. */
  boolean isRecorded() {
    return swept().contains(true);
  }

  SweepSubject.Part part() {
    return new SweepSubject.Part(
        module, script, uses.stream().map(Use::optimizer).toList(), isRecorded());
  }
}

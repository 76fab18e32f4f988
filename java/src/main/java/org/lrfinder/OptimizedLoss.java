package org.lrfinder;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.SweepSubject;
import org.lrfinder.sweep.LossFunction;

/**
 * A loss with the optimizers that lower it, each of which is swept or keeps its rates: what a
 * training with several optimizers is made of. A GAN has two losses, a network with sparse and
 * dense parameters one loss with two optimizers.
 *
 * <pre>{@code
 * finder.find(
 *     List.of(
 *         OptimizedLoss.sweeping(discriminator, adamD, batch -> realOrFake(batch)),
 *         OptimizedLoss.keeping(generator, adamG, batch -> deception(batch))),
 *     batches);
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
  private final LossFunction<B> loss;
  private final List<Use> uses;

  private OptimizedLoss(
      @Nullable Module module, @Nullable JitModule script, LossFunction<B> loss, List<Use> uses) {
    this.module = module;
    this.script = script;
    this.loss = Objects.requireNonNull(loss, "loss");
    this.uses = List.copyOf(uses);
  }

  /**
   * Creates a loss with an optimizer whose rates are swept.
   *
   * @param <B> what a batch is
   * @param network whose parameters the optimizer is over; put back after the sweep
   * @param optimizer SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the networks that it needs and returns the loss
   * @return the loss
   */
  public static <B> OptimizedLoss<B> sweeping(
      Module network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return new OptimizedLoss<>(network, null, loss, List.of(new Use(optimizer, true)));
  }

  /**
   * Creates a loss of a TorchScript module with an optimizer whose rates are swept.
   *
   * @param <B> what a batch is
   * @param network whose parameters the optimizer is over; put back after the sweep
   * @param optimizer SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the networks that it needs and returns the loss
   * @return the loss
   */
  public static <B> OptimizedLoss<B> sweeping(
      JitModule network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return new OptimizedLoss<>(null, network, loss, List.of(new Use(optimizer, true)));
  }

  /**
   * Creates a loss with an optimizer that trains at its own rates. If no optimizer of a loss is
   * swept, that loss does not count in the curve.
   *
   * @param <B> what a batch is
   * @param network whose parameters the optimizer is over; put back after the sweep
   * @param optimizer SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the networks that it needs and returns the loss
   * @return the loss
   */
  public static <B> OptimizedLoss<B> keeping(
      Module network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return new OptimizedLoss<>(network, null, loss, List.of(new Use(optimizer, false)));
  }

  /**
   * Creates a loss of a TorchScript module with an optimizer that trains at its own rates. If no
   * optimizer of a loss is swept, that loss does not count in the curve.
   *
   * @param <B> what a batch is
   * @param network whose parameters the optimizer is over; put back after the sweep
   * @param optimizer SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the networks that it needs and returns the loss
   * @return the loss
   */
  public static <B> OptimizedLoss<B> keeping(
      JitModule network, Optimizer optimizer, LossFunction<B> loss) {
    Objects.requireNonNull(network, "network");
    return new OptimizedLoss<>(null, network, loss, List.of(new Use(optimizer, false)));
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
    return new OptimizedLoss<>(module, script, loss, more);
  }

  LossFunction<B> loss() {
    return loss;
  }

  /** Whether each optimizer is swept, in their order. */
  List<Boolean> swept() {
    return uses.stream().map(Use::swept).toList();
  }

  SweepSubject.Part part() {
    return new SweepSubject.Part(
        module,
        script,
        uses.stream().map(Use::optimizer).toList(),
        uses.stream().anyMatch(Use::swept));
  }
}

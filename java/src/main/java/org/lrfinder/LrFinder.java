package org.lrfinder;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.Sweeps.Subject;
import org.lrfinder.Sweeps.ValidationSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.OutOfMemoryException;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.SweepSubject;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepListener;
import org.lrfinder.sweep.SweepOptions;
import org.lrfinder.sweep.SweepSettings;

/**
 * Finds a learning rate by a sweep (LR range test): trains for some steps while the rate rises from
 * {@code minLr} to {@code maxLr}, records the loss, and puts everything back: parameters, buffers,
 * gradients, train/eval modes, the state of the random number generators, thread counts and grad
 * mode are afterwards, bit for bit, what they were. The optimizer is read, never stepped.
 *
 * <pre>{@code
 * LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).build();
 * LrFinderResult found = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);
 * found.suggestion().ifPresent(s -> s.applyTo(optimizer));
 * }</pre>
 *
 * <p>With several parameter groups the swept rate is that of the group whose own rate is largest
 * (the first of equals); every group keeps its ratio to it, unless {@link Builder#groupRatios},
 * {@link Builder#groupRange} or {@link Builder#sweptGroups} say otherwise. So do the groups of
 * several optimizers.
 *
 * <p>A finder is immutable and may be used by several threads at once, on different models, if its
 * listener and its condition may. A sweep runs on the calling thread. Every {@code find} throws
 *
 * <ul>
 *   <li>{@link IllegalArgumentException} for what cannot be swept: no batches, batches that the
 *       loss all leaves out from a walk's start to its end, no parameter that takes a gradient, an
 *       optimizer over other parameters than the network's or of a class that is not supported,
 *       tensors on different devices, a loss that is not one real number, group ratios for another
 *       number of groups, a network, optimizer or batch that was closed, a network whose class
 *       overrides {@code forward} where the engine is to forward it;
 *   <li>{@link IllegalStateException} if another thread sweeps the model or trains it by a {@link
 *       org.lrfinder.trainer.Trainer}; the message names the thread;
 *   <li>{@link EngineException} if libtorch fails in a step;
 *   <li>{@link OutOfMemoryException} if there is too little memory: before the first step, if the
 *       copies that a sweep makes would go over JavaCPP's limit, which the message names, or when
 *       libtorch cannot allocate in a step. An {@link OutOfMemoryError} of JavaCPP or of the heap
 *       passes as it is;
 *   <li>{@link UnsatisfiedLinkError} if the native engine was asked for and cannot be loaded;
 *   <li>whatever the loss, the batches, the listener, the rule or the condition throw, unchanged.
 * </ul>
 *
 * <p>In each case everything was put back before; of a {@link StepFunction}, what its own {@code
 * restore} puts back. Only a {@link RestoreException} says otherwise: the model is not as it was,
 * and what had ended the sweep, if that failed too, is its suppressed exception.
 *
 * <p>Sweeps on different models may run at the same time on several threads, and beside threads
 * that train; a model that shares a parameter or buffer with one that is trained or swept meanwhile
 * is not another model, and is refused. Only a training loop of your own is not known here: do not
 * sweep its model from another thread. A listener may sweep the model that its own thread sweeps.
 * The curves are then what they are alone, to the last bit where libtorch and BLAS use one thread
 * each (sums of several threads are rounded differently from run to run). Three things belong to
 * the whole process, though:
 *
 * <ul>
 *   <li>The random number generators. Models that draw from them (dropout) do not draw what they
 *       would draw alone. Of sweeps that overlap in time the last one to end puts the generators
 *       back to where the first one found them. What other threads drew meanwhile is taken back
 *       with that, since nothing tells who drew: they will draw the same numbers again.
 *   <li>BLAS's thread count. It changes only for sweeps with {@link Builder#threads} or, where
 *       nobody set a count, a large convolution on OpenBLAS; the last of overlapping sweeps puts it
 *       back. libtorch's own count is set for the sweeping thread alone.
 *   <li>JavaCPP's limit on memory, which one sweep can reach because of the others.
 * </ul>
 *
 * <p>After L. N. Smith, <i>Cyclical Learning Rates for Training Neural Networks</i>, 2015; defaults
 * and smoothing as in Lightning 0.8.1, and its early stop, which there may end a sweep at its
 * second step.
 */
public final class LrFinder {
  private final Sweeps sweeps;

  private LrFinder(SweepSettings settings, Builder builder) {
    sweeps =
        new Sweeps(
            settings,
            builder.engine,
            builder.rule,
            new Search(
                new Retry(builder.autoRange, builder.autoSteps, builder.autoBudget),
                builder.repeats),
            builder.listener,
            builder.cancelled,
            builder.maxDuration);
  }

  /** {@return a builder with the defaults of {@link SweepSettings#DEFAULTS}} */
  public static Builder builder() {
    return new Builder();
  }

  /** {@return what this finder's sweeps do} */
  public SweepSettings settings() {
    return sweeps.settings();
  }

  /**
   * Sweeps a network that the engine forwards itself: one crossing from Java for each micro-batch.
   *
   * @param network forwarded with each batch's input, in the train/eval mode that it is in
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss what compares the network's output with the batch's target
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public LrFinderResult find(
      SequentialImpl network, Optimizer optimizer, Loss loss, Iterable<Batch> batches) {
    Objects.requireNonNull(network, "network");
    return find(of(network, optimizer), new Objective.Native(loss), batches, null);
  }

  /**
   * Sweeps a network that the engine forwards itself, and measures the loss on validation batches
   * after each update: the first {@link SweepSettings#validationBatchCount} of them, with the
   * network in eval mode. Each step costs that many forward passes more.
   *
   * @param network forwarded with each batch's input, in the train/eval mode that it is in
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss what compares the network's output with the batch's target
   * @param batches training data; walked from its start, and again when it ends
   * @param validationBatches data that is not trained on; read once, copied for the time of the
   *     sweep
   * @return what was found, with {@link org.lrfinder.sweep.Curve#validationLosses}
   */
  public LrFinderResult find(
      SequentialImpl network,
      Optimizer optimizer,
      Loss loss,
      Iterable<Batch> batches,
      Iterable<Batch> validationBatches) {
    Objects.requireNonNull(network, "network");
    Objective<Batch> objective = new Objective.Native(loss);
    return find(
        of(network, optimizer), objective, batches, on(network, validationBatches, objective));
  }

  /**
   * Sweeps a network whose loss is computed in Java.
   *
   * @param <B> what a batch is
   * @param network what is put back beside the optimizer's parameters: its other parameters, its
   *     buffers and its train/eval modes
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the network and returns the loss
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public <B> LrFinderResult find(
      Module network, Optimizer optimizer, LossFunction<B> loss, Iterable<B> batches) {
    Objects.requireNonNull(network, "network");
    return find(of(network, optimizer), new Objective.Callback<>(loss), batches, null);
  }

  /**
   * Sweeps a TorchScript module that the engine forwards itself. TorchScript runs unoptimized on
   * this thread meanwhile, so that its executor learns nothing from the sweep.
   *
   * @param network takes one tensor and returns one; forwarded in the train/eval mode that it is in
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss what compares the network's output with the batch's target
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public LrFinderResult find(
      JitModule network, Optimizer optimizer, Loss loss, Iterable<Batch> batches) {
    return find(of(network, optimizer), new Objective.Native(loss), batches, null);
  }

  /**
   * Sweeps a TorchScript module whose loss is computed in Java: one with several inputs or outputs,
   * say.
   *
   * @param <B> what a batch is
   * @param network put back with its buffers, attributes and train/eval modes
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the network and returns the loss
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public <B> LrFinderResult find(
      JitModule network, Optimizer optimizer, LossFunction<B> loss, Iterable<B> batches) {
    return find(of(network, optimizer), new Objective.Callback<>(loss), batches, null);
  }

  /**
   * Sweeps several optimizers, or one while others keep their rates. In each step every loss takes
   * its turn on the same batch, in their order: forward, backward to the parameters of its own
   * optimizers alone, and an update by each of them. The first loss may leave a batch out for all;
   * a later one must not, since those before it have been updated. The recorded loss is the sum of
   * those losses of which an optimizer is swept. Parameter groups count through all optimizers in
   * their order, in {@link Builder#groupRatios}, {@link Builder#sweptGroups} and the result.
   *
   * @param <B> what a batch is
   * @param losses at least one, each with an optimizer at least; SGD, Adam, AdamW, Adagrad or
   *     RMSprop
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public <B> LrFinderResult find(List<OptimizedLoss<B>> losses, Iterable<B> batches) {
    if (losses.isEmpty()) {
      throw new IllegalArgumentException("there is no loss to sweep");
    }
    SweepSubject subject = new SweepSubject(losses.stream().map(OptimizedLoss::part).toList());
    List<Boolean> swept = losses.stream().flatMap(loss -> loss.swept().stream()).toList();
    List<Objective<B>> objectives = new ArrayList<>();
    for (OptimizedLoss<B> loss : losses) {
      objectives.add(new Objective.Callback<>(loss.loss(), objectives.size()));
    }
    return sweeps.of(new Subject(subject, swept), objectives, batches, null);
  }

  /**
   * Sweeps a network whose losses are computed in Java, and measures the loss on validation batches
   * after each update: the first {@link SweepSettings#validationBatchCount} of them, with the
   * network in eval mode and without gradients. A batch that the validation loss leaves out does
   * not count in that mean; that all are left out is an {@link IllegalArgumentException}.
   *
   * @param <B> what a batch is
   * @param <V> what a validation batch is
   * @param network what is put back beside the optimizer's parameters: its other parameters, its
   *     buffers and its train/eval modes
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the network and returns the loss
   * @param batches training data; walked from its start, and again when it ends
   * @param validationLoss forwards the network and returns the loss on a validation batch
   * @param validationBatches data that is not trained on. Of type {@link Batch} they are read once
   *     and copied for the time of the sweep; batches of another type cannot be copied, so that the
   *     source is walked from its start after each update and has to give the same ones each time
   * @return what was found, with {@link org.lrfinder.sweep.Curve#validationLosses}
   */
  public <B, V> LrFinderResult find(
      Module network,
      Optimizer optimizer,
      LossFunction<B> loss,
      Iterable<B> batches,
      LossFunction<V> validationLoss,
      Iterable<V> validationBatches) {
    Objects.requireNonNull(network, "network");
    return find(
        of(network, optimizer),
        new Objective.Callback<>(loss),
        batches,
        on(network, validationBatches, new Objective.Callback<>(validationLoss)));
  }

  /**
   * Sweeps parameters whose loss is computed in Java, without knowing the network: only what the
   * optimizer is over is put back, and not the buffers of batch norm, say. Where there is a
   * network, hand it over.
   *
   * @param <B> what a batch is
   * @param optimizer SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss returns the loss of a batch
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public <B> LrFinderResult find(Optimizer optimizer, LossFunction<B> loss, Iterable<B> batches) {
    return find(of((Module) null, optimizer), new Objective.Callback<>(loss), batches, null);
  }

  /**
   * Sweeps any training step, without tensors. Accumulation, clipping, group ratios and ranges do
   * not apply.
   *
   * @param step does a step and, if it can, saves and restores
   * @return what was found
   */
  public LrFinderResult find(StepFunction step) {
    Objects.requireNonNull(step, "step");
    return sweeps.of(step);
  }

  private static Subject of(@Nullable Module network, Optimizer optimizer) {
    return onePart(network, null, optimizer);
  }

  private static Subject of(JitModule network, Optimizer optimizer) {
    return onePart(null, Objects.requireNonNull(network, "network"), optimizer);
  }

  private static Subject onePart(
      @Nullable Module module, @Nullable JitModule script, Optimizer optimizer) {
    Objects.requireNonNull(optimizer, "optimizer");
    SweepSubject.Part part = new SweepSubject.Part(module, script, List.of(optimizer), true);
    return new Subject(new SweepSubject(List.of(part)), List.of(true));
  }

  private static <V> ValidationSource<V> on(
      Module network, Iterable<V> batches, Objective<V> objective) {
    return new ValidationSource<>(
        network, Objects.requireNonNull(batches, "validationBatches"), objective);
  }

  private <B> LrFinderResult find(
      Subject subject,
      Objective<B> objective,
      Iterable<B> batches,
      @Nullable ValidationSource<?> validation) {
    return sweeps.of(subject, List.of(objective), batches, validation);
  }

  /** Collects a finder's settings; each method names its default. Not thread-safe. */
  public static final class Builder extends SweepOptions<Builder> {
    private EngineChoice engine = EngineChoice.AUTO;
    private SuggestionRule rule = new MiddleOfFall();
    private int repeats = 1;
    private boolean autoRange;
    private boolean autoSteps;
    private int autoBudget = Retry.DEFAULT_BUDGET;
    private SweepListener listener = step -> {};
    private BooleanSupplier cancelled = () -> false;
    private Duration maxDuration = Duration.ofNanos(Long.MAX_VALUE);

    private Builder() {}

    @Override
    protected Builder self() {
      return this;
    }

    /**
     * Chooses the engine.
     *
     * @param engine default {@link EngineChoice#AUTO}
     * @return this builder
     */
    public Builder engine(EngineChoice engine) {
      this.engine = Objects.requireNonNull(engine, "engine");
      return this;
    }

    /**
     * Chooses the rule behind {@link LrFinderResult#suggestion()}. The library's other rules stand
     * beside it in the result all the same.
     *
     * @param rule one of the library's or your own; default {@link MiddleOfFall}
     * @return this builder
     */
    public Builder rule(SuggestionRule rule) {
      this.rule = Objects.requireNonNull(rule, "rule");
      return this;
    }

    /**
     * Chooses the rule by its name.
     *
     * @param name such as {@code steepest}, for Lightning's, or {@code default}
     * @return this builder
     * @throws IllegalArgumentException if {@link SuggestionRules} has none of that name
     */
    public Builder rule(String name) {
      return rule(SuggestionRules.named(name));
    }

    /**
     * Sweeps several times from the same snapshot, each time over the batches that follow those of
     * the sweep before. The result is that of the median suggestion, and says how far they spread.
     * A {@link StepFunction} sees to its batches itself.
     *
     * @param repeats number of sweeps, at least 1; default 1
     * @return this builder
     */
    public Builder repeats(int repeats) {
      this.repeats = repeats;
      return this;
    }

    /**
     * Sets whether to sweep again where the range was wrong: with a maximum a hundred times as high
     * (twice, if linear), up to 1e4, where the loss was still falling or nothing happened; and from
     * a ten-thousandth of the minimum, at most twice and never below 1e-12, where the loss diverged
     * at once. Where it did so at 1e-7 or below, noise is likelier: there {@link #autoSteps}, if it
     * is on, comes first. {@link LrFinderResult#attempts} says what was done. A suggestion more
     * than three decades below the range that was asked for comes with a warning.
     *
     * @param again whether to; default false
     * @return this builder
     */
    public Builder autoRange(boolean again) {
      this.autoRange = again;
      return this;
    }

    /**
     * Sets whether to sweep again with three times the steps, and at least 300, where fewer showed
     * no fall; with what the budget has left, if that is twice as many. {@link
     * LrFinderResult#attempts} says what was done.
     *
     * @param again whether to; default false
     * @return this builder
     */
    public Builder autoSteps(boolean again) {
      this.autoSteps = again;
      return this;
    }

    /**
     * Limits {@link #autoRange} and {@link #autoSteps}.
     *
     * @param steps that the first sweep and those that replace it may take together, where each
     *     counts as 50 at least; at least 1; default {@value Retry#DEFAULT_BUDGET}
     * @return this builder
     */
    public Builder autoBudget(int steps) {
      this.autoBudget = steps;
      return this;
    }

    /**
     * Hears of each step.
     *
     * @param listener called on the thread of the sweep; replaces an earlier one
     * @return this builder
     */
    public Builder listener(SweepListener listener) {
      this.listener = Objects.requireNonNull(listener, "listener");
      return this;
    }

    /**
     * Ends a sweep from outside: asked before each step and after each batch that was left out,
     * beside the thread's interrupt flag, which a sweep never clears. To cancel from another
     * thread, hand over an {@code AtomicBoolean}'s {@code get}, or interrupt the sweep's thread.
     *
     * @param cancelled true ends the sweep; asked on the thread of the sweep
     * @return this builder
     */
    public Builder cancelIf(BooleanSupplier cancelled) {
      this.cancelled = Objects.requireNonNull(cancelled, "cancelled");
      return this;
    }

    /**
     * Limits the time of a search: no step begins later than this after the call of {@code find}. A
     * step that has begun is finished, unless its loss leaves out the batches that it is given.
     *
     * @param maxDuration greater than 0; default: no limit
     * @return this builder
     */
    public Builder maxDuration(Duration maxDuration) {
      this.maxDuration = Objects.requireNonNull(maxDuration, "maxDuration");
      return this;
    }

    /**
     * Makes the finder.
     *
     * @return an immutable finder
     * @throws IllegalArgumentException if a setting is out of its range or contradicts another; the
     *     message names it, its value and what is allowed
     */
    public LrFinder build() {
      SweepSettings settings = sweepSettings();
      require(
          !autoRange || settings.groupRanges().isEmpty(),
          "groupRange",
          settings.groupRanges(),
          "none with autoRange, which moves the range");
      return new LrFinder(settings, this);
    }
  }
}

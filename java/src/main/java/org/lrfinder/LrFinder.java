package org.lrfinder;

import java.time.Duration;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.OutOfMemoryException;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Suggestion;
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
 * <p>{@code SGD}, {@code Adam}, {@code AdamW}, {@code Adagrad} and {@code RMSprop} of the presets
 * can be swept; any other optimizer by a {@link StepFunction}. What is swept, by which loss and on
 * which data is a {@link SweepTask}.
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

  private LrFinder(Sweeps sweeps) {
    this.sweeps = sweeps;
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
   * Does the sweep that a task describes.
   *
   * @param task what is swept, by which loss, on which data
   * @return what was found
   */
  public LrFinderResult find(SweepTask<?> task) {
    return sweeps.of(task);
  }

  /**
   * Sweeps a network that the engine forwards itself: short for {@link SweepTask#of(SequentialImpl,
   * Optimizer, Loss, Iterable)}.
   *
   * @return what was found
   */
  public LrFinderResult find(
      SequentialImpl network, Optimizer optimizer, Loss loss, Iterable<Batch> batches) {
    return find(SweepTask.of(network, optimizer, loss, batches));
  }

  /**
   * Sweeps parameters whose loss is computed in Java, without knowing the network: short for {@link
   * SweepTask#of(Optimizer, LossFunction, Iterable)}.
   *
   * @return what was found
   */
  public <B> LrFinderResult find(Optimizer optimizer, LossFunction<B> loss, Iterable<B> batches) {
    return find(SweepTask.of(optimizer, loss, batches));
  }

  /**
   * Sweeps any training step, without tensors: short for {@link SweepTask#of(StepFunction)}.
   *
   * @return what was found
   */
  public LrFinderResult find(StepFunction step) {
    return find(SweepTask.of(step));
  }

  /** Collects a finder's settings; each method names its default. Not thread-safe. */
  public static final class Builder extends SweepOptions<Builder> {
    private EngineChoice engine = EngineChoice.AUTO;
    private SuggestionRule rule = new MiddleOfFall();
    private int repeats = 1;
    private boolean autoRange;
    private boolean autoSteps;
    private int autoBudget = Retry.DEFAULT_BUDGET;
    private @Nullable SweepListener listener;
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
     * Sets whether to spend more steps where they tell most. A first sweep of few steps shows where
     * the loss falls and where it diverges; if these are fewer than 100, a second one of twice as
     * many, and at least 140, goes over these decades alone, from two below the middle of the fall,
     * and without a clear fall the four decades that end just above the divergence. Again twice as
     * many follow, within {@link #autoBudget}, while the fall is not to be told from noise, or
     * while {@link Suggestion#interval} is wider than 1.2 decades, and as many where the fall's
     * middle was less than a decade above the first rate. 60 steps over eight decades are enough
     * for the first one. {@link LrFinderResult#attempts} says what was done. In linear mode and
     * with ranges of the groups' own the range stays, and a rule that is not {@link MiddleOfFall}
     * gets more steps only where the status is not OK.
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
      require(autoBudget >= 1, "autoBudget", autoBudget, "at least 1");
      require(repeats >= 1, "repeats", repeats, "at least 1");
      require(
          maxDuration.compareTo(Duration.ZERO) > 0, "maxDuration", maxDuration, "greater than 0");
      Search search = new Search(new Retry(autoRange, autoSteps, autoBudget), repeats);
      return new LrFinder(
          new Sweeps(settings, engine, rule, search, listener, cancelled, maxDuration));
    }
  }
}

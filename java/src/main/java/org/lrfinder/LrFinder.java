package org.lrfinder;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.SequentialImpl;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.EngineSweep;
import org.lrfinder.engine.Engines;
import org.lrfinder.engine.Objective;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.sweep.Precision;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepListener;
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
 * (the first of equals); every group keeps its ratio to it, unless {@link Builder#groupRatios} says
 * otherwise.
 *
 * <p>A finder is immutable and may be used by several threads at once, on different models, if its
 * listener and its condition may. A sweep runs on the calling thread. Every {@code find} throws
 *
 * <ul>
 *   <li>{@link IllegalArgumentException} for what cannot be swept: no batches, no parameter that
 *       takes a gradient, an optimizer over other parameters than the network's or of a class that
 *       is not supported, tensors on different devices, a loss that is not one real number, group
 *       ratios for another number of groups;
 *   <li>{@link EngineException} if libtorch fails in a step;
 *   <li>{@link UnsatisfiedLinkError} if the native engine was asked for and cannot be loaded;
 *   <li>whatever the loss, the batches or the listener throw, unchanged.
 * </ul>
 *
 * <p>In each case everything was put back before; of a {@link StepFunction}, what its own {@code
 * restore} puts back.
 *
 * <p>The random number generators and the thread counts belong to the whole process: where sweeps
 * of several threads overlap, or another thread draws random numbers meanwhile, these two are not
 * put back bit for bit.
 *
 * <p>After L. N. Smith, <i>Cyclical Learning Rates for Training Neural Networks</i>, 2015;
 * defaults, smoothing and early stop as in Lightning 0.8.1.
 */
public final class LrFinder {
  private final SweepSettings settings;
  private final EngineChoice engine;
  private final SuggestionRule rule;
  private final Search search;
  private final SweepListener listener;
  private final BooleanSupplier cancelled;

  private LrFinder(Builder builder) {
    settings = builder.settings();
    engine = builder.engine;
    rule = builder.rule;
    search = builder.search();
    listener = builder.listener;
    cancelled = builder.cancelled;
  }

  /** {@return a builder with the defaults of {@link SweepSettings#DEFAULTS}} */
  public static Builder builder() {
    return new Builder();
  }

  /** {@return what this finder's sweeps do} */
  public SweepSettings settings() {
    return settings;
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
    return find(network, optimizer, new Objective.Native(loss), batches, null);
  }

  /**
   * Sweeps a network that the engine forwards itself, and measures the loss on validation batches
   * after each update: the first {@link SweepSettings#validationBatches} of them, with the network
   * in eval mode. Each step costs that many forward passes more.
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
    Objective objective = new Objective.Native(loss);
    return find(network, optimizer, objective, batches, on(validationBatches, objective));
  }

  /**
   * Sweeps a network whose loss is computed in Java.
   *
   * @param network what is put back beside the optimizer's parameters: its other parameters, its
   *     buffers and its train/eval modes
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the network and returns the loss
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public LrFinderResult find(
      Module network, Optimizer optimizer, LossFunction loss, Iterable<Batch> batches) {
    Objects.requireNonNull(network, "network");
    return find(network, optimizer, new Objective.Callback(loss), batches, null);
  }

  /**
   * Sweeps a network whose losses are computed in Java, and measures the loss on validation batches
   * after each update: the first {@link SweepSettings#validationBatches} of them, with the network
   * in eval mode and without gradients.
   *
   * @param network what is put back beside the optimizer's parameters: its other parameters, its
   *     buffers and its train/eval modes
   * @param optimizer over parameters of the network; SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss forwards the network and returns the loss
   * @param batches training data; walked from its start, and again when it ends
   * @param validationLoss forwards the network and returns the loss on a validation batch
   * @param validationBatches data that is not trained on; read once, copied for the time of the
   *     sweep
   * @return what was found, with {@link org.lrfinder.sweep.Curve#validationLosses}
   */
  public LrFinderResult find(
      Module network,
      Optimizer optimizer,
      LossFunction loss,
      Iterable<Batch> batches,
      LossFunction validationLoss,
      Iterable<Batch> validationBatches) {
    Objects.requireNonNull(network, "network");
    return find(
        network,
        optimizer,
        new Objective.Callback(loss),
        batches,
        on(validationBatches, new Objective.Callback(validationLoss)));
  }

  /**
   * Sweeps parameters whose loss is computed in Java, without knowing the network: only what the
   * optimizer is over is put back, and not the buffers of batch norm, say. Where there is a
   * network, hand it over.
   *
   * @param optimizer SGD, Adam, AdamW, Adagrad or RMSprop
   * @param loss returns the loss of a batch
   * @param batches training data; walked from its start, and again when it ends
   * @return what was found
   */
  public LrFinderResult find(Optimizer optimizer, LossFunction loss, Iterable<Batch> batches) {
    return find((Module) null, optimizer, new Objective.Callback(loss), batches, null);
  }

  /**
   * Sweeps any training step, without tensors. Accumulation, clipping and group ratios do not
   * apply.
   *
   * @param step does a step and, if it can, saves and restores
   * @return what was found
   */
  public LrFinderResult find(StepFunction step) {
    Objects.requireNonNull(step, "step");
    return search.run(
        settings,
        swept -> {
          step.save();
          return restoring(
              step::restore,
              () ->
                  run(
                      swept,
                      new Stepper.OfFunction(step, swept),
                      List.of(1.0),
                      EngineInfo.ofStepFunction()));
        });
  }

  /** Validation data, and where its losses come from. */
  private record ValidationSource(Iterable<Batch> batches, Objective objective) {}

  private static ValidationSource on(Iterable<Batch> batches, Objective objective) {
    return new ValidationSource(Objects.requireNonNull(batches, "validationBatches"), objective);
  }

  private LrFinderResult find(
      @Nullable Module network,
      Optimizer optimizer,
      Objective objective,
      Iterable<Batch> batches,
      @Nullable ValidationSource validation) {
    Objects.requireNonNull(optimizer, "optimizer");
    Objects.requireNonNull(batches, "batches");
    List<Double> ratios = groupRatios(optimizer);
    try (BatchCycle cycle = new BatchCycle(batches, settings.cycleData())) {
      return search.run(
          settings,
          swept -> {
            try (EngineSweep sweep = Engines.of(engine).start(network, optimizer, swept, ratios)) {
              return restoring(
                  sweep::restore,
                  () -> {
                    try (Validation validating = validating(network, sweep, validation)) {
                      return run(
                          swept,
                          new Stepper.OfBatches(
                              sweep, objective, cycle, swept.accumulateGradBatches(), validating),
                          ratios,
                          sweep.info());
                    }
                  });
            }
          });
    }
  }

  private @Nullable Validation validating(
      @Nullable Module network, EngineSweep sweep, @Nullable ValidationSource source) {
    return source == null
        ? null
        : new Validation(
            network, sweep, source.objective, source.batches, settings.validationBatches());
  }

  private LrFinderResult run(
      SweepSettings swept, Stepper stepper, List<Double> ratios, EngineInfo info) {
    SweepLoop.Recorded recorded = new SweepLoop(swept, listener, cancelled).run(stepper);
    return LrFinderResult.of(swept, recorded.curve(), recorded.endReason(), ratios, rule, info);
  }

  /**
   * Runs the sweep and restores, so that a failure of either reaches the caller and neither hides
   * the other.
   */
  private static LrFinderResult restoring(
      Runnable restore, java.util.function.Supplier<LrFinderResult> sweep) {
    LrFinderResult result;
    try {
      result = sweep.get();
    } catch (Throwable failure) {
      try {
        restore.run();
      } catch (Throwable second) {
        failure.addSuppressed(second);
      }
      throw failure;
    }
    restore.run();
    return result;
  }

  private List<Double> groupRatios(Optimizer optimizer) {
    try (PointerScope scope = new PointerScope()) {
      OptimizerParamGroupVector groups = optimizer.param_groups();
      if (!settings.groupRatios().isEmpty()) {
        if (settings.groupRatios().size() != groups.size()) {
          throw new IllegalArgumentException(
              "groupRatios has %d entries, but the optimizer has %d parameter groups"
                  .formatted(settings.groupRatios().size(), groups.size()));
        }
        return settings.groupRatios();
      }
      double[] rates = new double[Math.toIntExact(groups.size())];
      Arrays.setAll(rates, i -> groups.get(i).options().get_lr());
      double largest = Arrays.stream(rates).max().orElse(0);
      List<Double> ratios = new ArrayList<>();
      for (double rate : rates) {
        ratios.add(largest > 0 ? rate / largest : 1.0);
      }
      return List.copyOf(ratios);
    }
  }

  /** Settings of a finder. Not thread-safe. */
  public static final class Builder {
    private double minLr = SweepSettings.DEFAULTS.minLr();
    private double maxLr = SweepSettings.DEFAULTS.maxLr();
    private int steps = SweepSettings.DEFAULTS.steps();
    private ScheduleMode mode = SweepSettings.DEFAULTS.mode();
    private double earlyStopThreshold = SweepSettings.DEFAULTS.earlyStopThreshold();
    private double smoothingBeta = SweepSettings.DEFAULTS.smoothingBeta();
    private int accumulateGradBatches = SweepSettings.DEFAULTS.accumulateGradBatches();
    private double gradientClipNorm = SweepSettings.DEFAULTS.gradientClipNorm();
    private List<Double> groupRatios = SweepSettings.DEFAULTS.groupRatios();
    private boolean cycleData = SweepSettings.DEFAULTS.cycleData();
    private Precision precision = SweepSettings.DEFAULTS.precision();
    private int validationBatches = SweepSettings.DEFAULTS.validationBatches();
    private int threads = SweepSettings.DEFAULTS.threads();
    private EngineChoice engine = EngineChoice.AUTO;
    private SuggestionRule rule = new MiddleOfFall();
    private int repeats = 1;
    private boolean autoRange;
    private boolean autoSteps;
    private int autoBudget = AutoSettings.DEFAULT_BUDGET;
    private SweepListener listener = step -> {};
    private BooleanSupplier cancelled = () -> false;

    private Builder() {}

    /**
     * Sets the rate of the first step.
     *
     * @param minLr greater than 0 when exponential, at least 0 when linear; default 1e-8
     * @return this builder
     */
    public Builder minLr(double minLr) {
      this.minLr = minLr;
      return this;
    }

    /**
     * Sets the rate of the last step.
     *
     * @param maxLr finite and greater than the minimum; default 1
     * @return this builder
     */
    public Builder maxLr(double maxLr) {
      this.maxLr = maxLr;
      return this;
    }

    /**
     * Sets the number of optimizer steps, Lightning's {@code num_training}.
     *
     * @param steps at least 3; default 100
     * @return this builder
     */
    public Builder steps(int steps) {
      this.steps = steps;
      return this;
    }

    /**
     * Sets how the rate moves.
     *
     * @param mode default {@link ScheduleMode#EXPONENTIAL}
     * @return this builder
     */
    public Builder mode(ScheduleMode mode) {
      this.mode = mode;
      return this;
    }

    /**
     * Sets the early stop: the sweep ends when the running loss exceeds its best by {@code
     * (threshold - 1)} times that best.
     *
     * @param threshold greater than 1; default 4
     * @return this builder
     */
    public Builder earlyStopThreshold(double threshold) {
      this.earlyStopThreshold = threshold;
      return this;
    }

    /**
     * Disables the early stop. A loss that is not finite ends the sweep all the same.
     *
     * @return this builder
     */
    public Builder noEarlyStop() {
      return earlyStopThreshold(Double.POSITIVE_INFINITY);
    }

    /**
     * Sets the weight of the past in the running loss.
     *
     * @param beta in [0, 1); default 0.98
     * @return this builder
     */
    public Builder smoothingBeta(double beta) {
      this.smoothingBeta = beta;
      return this;
    }

    /**
     * Sets the number of micro-batches in an optimizer step, whose losses and gradients are
     * averaged.
     *
     * @param microBatches at least 1; default 1
     * @return this builder
     */
    public Builder accumulateGradBatches(int microBatches) {
      this.accumulateGradBatches = microBatches;
      return this;
    }

    /**
     * Clips the averaged gradients of the optimizer's parameters before each update, as {@code
     * torch.nn.utils.clip_grad_norm_} does.
     *
     * @param maxNorm largest total norm, greater than 0; default infinity, which leaves them alone
     * @return this builder
     */
    public Builder gradientClipNorm(double maxNorm) {
      this.gradientClipNorm = maxNorm;
      return this;
    }

    /**
     * Sets each parameter group's rate as a multiple of the swept one.
     *
     * @param ratios one for each group, at least 0, one of them greater; default: the optimizer's
     *     own ratios to its largest rate
     * @return this builder
     */
    public Builder groupRatios(double... ratios) {
      this.groupRatios = Arrays.stream(ratios).boxed().toList();
      return this;
    }

    /**
     * Sets the type in which forward passes compute.
     *
     * @param precision default {@link Precision#FLOAT32}, which leaves it to the parameters
     * @return this builder
     */
    public Builder precision(Precision precision) {
      this.precision = Objects.requireNonNull(precision, "precision");
      return this;
    }

    /**
     * Sets how many validation batches the validation loss of each step is the mean of, where such
     * batches are given.
     *
     * @param count at least 1, default 4; the first ones are taken
     * @return this builder
     */
    public Builder validationBatches(int count) {
      this.validationBatches = count;
      return this;
    }

    /**
     * Sets whether the batches start again when they run out.
     *
     * @param cycle default true; false ends the sweep instead
     * @return this builder
     */
    public Builder cycleData(boolean cycle) {
      this.cycleData = cycle;
      return this;
    }

    /**
     * Sets the number of CPU threads of libtorch and BLAS during the sweep. Both counts belong to
     * the whole process, and are put back.
     *
     * @param threads at least 1; default 0: what somebody set stays, else with OpenBLAS the engine
     *     chooses by the network's largest parameters
     * @return this builder
     */
    public Builder threads(int threads) {
      this.threads = threads;
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
     * @param name such as {@code steepest}, for Lightning's
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
     * Sweeps again where the range was wrong: with a maximum a hundred times as high (twice, if
     * linear) where the loss was still falling or nothing happened, and from a ten-thousandth of
     * the minimum where the loss diverged at once. {@link LrFinderResult#attempts} says what was
     * done. Default: not.
     *
     * @return this builder
     */
    public Builder autoRange() {
      this.autoRange = true;
      return this;
    }

    /**
     * Sweeps again with 300 steps where fewer showed no fall. {@link LrFinderResult#attempts} says
     * what was done. Default: not.
     *
     * @return this builder
     */
    public Builder autoSteps() {
      this.autoSteps = true;
      return this;
    }

    /**
     * Limits {@link #autoRange} and {@link #autoSteps}.
     *
     * @param steps that the first sweep and those that replace it may take together, at least 1;
     *     default 1000
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
     * Ends a sweep from outside: asked before each step, beside the thread's interrupt flag, which
     * a sweep never clears.
     *
     * @param cancelled true ends the sweep
     * @return this builder
     */
    public Builder cancelIf(BooleanSupplier cancelled) {
      this.cancelled = Objects.requireNonNull(cancelled, "cancelled");
      return this;
    }

    private Search search() {
      return new Search(new AutoSettings(autoRange, autoSteps, autoBudget), repeats);
    }

    private SweepSettings settings() {
      return new SweepSettings(
          minLr,
          maxLr,
          steps,
          mode,
          earlyStopThreshold,
          smoothingBeta,
          accumulateGradBatches,
          gradientClipNorm,
          groupRatios,
          cycleData,
          precision,
          validationBatches,
          threads);
    }

    /**
     * Makes the finder.
     *
     * @return an immutable finder
     * @throws IllegalArgumentException if a setting is out of its range; the message names it, its
     *     value and what is allowed
     */
    public LrFinder build() {
      return new LrFinder(this);
    }
  }
}

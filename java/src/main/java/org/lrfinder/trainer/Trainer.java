package org.lrfinder.trainer;

import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.distributed.Distributed;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.engine.ModelClaim;
import org.lrfinder.internal.engine.Peers;
import org.lrfinder.sweep.StepOptions;

/**
 * Trains models and, if asked to, finds their learning rate first: what the documentation of
 * Lightning 0.8.1's "Learning Rate Finder" offers.
 *
 * <pre>{@code
 * Trainer trainer = Trainer.builder().autoLrFind(true).maxEpochs(5).build();
 * trainer.fit(model);
 * }</pre>
 *
 * <p>A training makes the optimizer by {@link TrainableModel#configureOptimizers} and steps it
 * natively: it is after each step what its own steps would have made of it, to rounding. A class of
 * optimizer written in Java steps by itself. Gradients are dropped before the first step and after
 * each. Modules train in the train/eval modes that they are in; validation puts them into eval mode
 * and back. {@link #stop} or an interrupt of the thread ends the training after the present step;
 * the interrupt flag stays set.
 *
 * <p>With {@code autoLrFind}, the model's learning rate is looked up before any batch is drawn: a
 * hyperparameter before a field, {@code lr} before {@code learningRate} before {@code
 * learning_rate}, or the one that was named. A sweep runs, which leaves no trace in the model, the
 * rate it suggests is written there, and {@code configureOptimizers} runs anew. Without a
 * suggestion the rate stays, and a warning says why.
 *
 * <p>The rate found is that of the parameter group with the largest; a model whose groups have
 * multiples of its learning rate gets the rate that makes it so. Sweeps and trainings on the CPU
 * may change libtorch's and BLAS's thread counts while they run.
 *
 * <p>With {@code maxEpochs(0)} and {@code autoLrFind}, {@code fit} finds and sets the rate and does
 * not train.
 *
 * <p>A trainer serves one thread at a time; {@link #stop} may be called from any. While it trains a
 * model, other threads can neither train nor sweep that model: {@link IllegalStateException}. What
 * a model makes belongs to the caller: a {@link PointerScope} around {@code fit} ends it.
 */
public final class Trainer {
  private final TrainerSettings settings;
  private final Console console;
  private final @Nullable TrainerListener listener;
  private final @Nullable MetricsLogger logger;
  private final LearningRateSearch search;
  private @Nullable FitLoop<?> last;
  private @Nullable Path checkpoint; // of the next fit
  private volatile boolean fitting;
  private boolean sweeping; // by lrFind
  private volatile boolean stopped;

  private Trainer(Builder builder) {
    settings = builder.settings();
    console =
        settings.isFirst()
            ? new Console(builder.console, settings.progressBar())
            : new Console(new PrintStream(OutputStream.nullOutputStream()), false);
    listener = builder.listener;
    logger = builder.logger;
    search = new LearningRateSearch(settings, console);
  }

  /** {@return a builder with the defaults that its methods name} */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Trains a model on its own batches, from its first step, or from a checkpoint if {@link
   * #restore} was called.
   *
   * @param model what to train
   * @return what it came to
   * @throws IllegalArgumentException if the model has no training batches, its batches are empty,
   *     its learning rate is to be found and cannot be set, or model, optimizer, batches or losses
   *     cannot be trained or, with {@code autoLrFind}, swept
   * @throws IllegalStateException if this trainer's {@code fit} is running: it is called from
   *     within
   * @throws org.lrfinder.engine.EngineException if libtorch fails in a step
   * @throws org.lrfinder.engine.PeerException if another process failed, where there are several
   */
  public TrainingResult fit(TrainableModel<?> model) {
    return fitOn(model, null, null);
  }

  /**
   * Trains a model on the batches given, where it has none of its own: as in Lightning, its own
   * win.
   *
   * @param <B> what a batch is
   * @param model what to train
   * @param train training data
   * @param validation walked whole after each epoch; null for none
   * @return what it came to
   * @throws IllegalArgumentException as {@link #fit(TrainableModel)}
   * @throws IllegalStateException likewise
   * @throws org.lrfinder.engine.EngineException if libtorch fails in a step
   */
  public <B> TrainingResult fit(
      TrainableModel<B> model, Iterable<B> train, @Nullable Iterable<B> validation) {
    return fitOn(model, Objects.requireNonNull(train, "train"), validation);
  }

  private <B> TrainingResult fitOn(
      TrainableModel<B> model, @Nullable Iterable<B> train, @Nullable Iterable<B> validation) {
    if (fitting) {
      throw new IllegalStateException(
          "fit is running: it may be called again when it has returned, not from within");
    }
    Module network = Objects.requireNonNull(model.module(), "module() returned null");
    fitting = true;
    stopped = false;
    try (ModelClaim claim = ModelClaim.ofTraining(network); // also between the epochs
        Peers peers = settings.peers()) {
      return Peers.telling(
          peers,
          () -> {
            TrainingResult result = fit(model, train, validation, peers);
            if (peers != null) {
              peers.meet(); // until here any of them may have failed
            }
            return result;
          });
    } finally {
      fitting = false;
    }
  }

  private <B> TrainingResult fit(
      TrainableModel<B> model,
      @Nullable Iterable<B> train,
      @Nullable Iterable<B> validation,
      @Nullable Peers peers) {
    // Before anything is drawn or changed.
    LearningRateAttribute attribute =
        settings.autoLrFind() || !settings.lrFindAtEpochs().isEmpty()
            ? LearningRateAttribute.of(model, settings.attribute())
            : null;
    ModelTask<B> task =
        ModelTask.of(model, attribute, train, validation, settings.device(), settings.engine());
    Observers observers =
        new Observers(console, listener, settings.isFirst() ? ownLogger() : MetricsLogger.NONE);
    FitLoop<B> loop = new FitLoop<>(settings, task, search, observers, () -> stopped, peers);
    if (checkpoint != null) {
      try (Checkpoint read = Checkpoint.read(checkpoint)) {
        loop.resume(read);
      }
      checkpoint = null;
    }
    last = loop;
    return loop.run();
  }

  private MetricsLogger ownLogger() {
    return logger != null ? logger : new CsvLogger(settings.defaultRootDir());
  }

  /**
   * Sweeps a model on its own batches, with Lightning's defaults, again where that has no answer
   * (or with the builder's finder), and the trainer's accumulation, clipping and precision. Nothing
   * is set; nothing is left behind.
   *
   * @param model what to sweep. During and after its training by this trainer its optimizer is
   *     swept as it is then; otherwise a fresh one
   * @return what was found
   * @throws IllegalArgumentException if the model has no training batches or cannot be swept
   * @throws org.lrfinder.engine.EngineException if libtorch fails in a step
   */
  public LrFinderResult lrFind(TrainableModel<?> model) {
    return lrFindOn(model, null, null, null);
  }

  /**
   * Sweeps a model on the batches given, where it has none of its own.
   *
   * @param <B> what a batch is
   * @param model what to sweep
   * @param train training data
   * @param validation null for none; otherwise the result has {@link
   *     org.lrfinder.sweep.Curve#validationLosses}, on the first few of these
   * @param finder how to sweep
   * @return what was found
   * @throws IllegalArgumentException if the model cannot be swept
   * @throws org.lrfinder.engine.EngineException if libtorch fails in a step
   */
  public <B> LrFinderResult lrFind(
      TrainableModel<B> model,
      Iterable<B> train,
      @Nullable Iterable<B> validation,
      LrFinder finder) {
    return lrFindOn(
        model,
        Objects.requireNonNull(train, "train"),
        validation,
        Objects.requireNonNull(finder, "finder"));
  }

  private <B> LrFinderResult lrFindOn(
      TrainableModel<B> model,
      @Nullable Iterable<B> train,
      @Nullable Iterable<B> validation,
      @Nullable LrFinder finder) {
    ModelTask<B> task =
        ModelTask.of(model, null, train, validation, settings.device(), settings.engine());
    FitLoop<?> trained = last;
    Optimizer optimizer =
        trained != null && trained.model() == model
            ? trained.optimizer()
            : ConfiguredOptimizer.by(model).optimizer();
    boolean outer = sweeping;
    sweeping = true;
    try {
      return search.find(task, optimizer, finder, () -> false);
    } finally {
      sweeping = outer;
    }
  }

  /**
   * Ends the running {@link #fit} after the present step (from {@link TrainerListener#onStep} on a
   * device, where it is told late: after the steps that were begun meanwhile); its result says so,
   * and a checkpoint saved then resumes where it stopped. Of a sweep before the training, with a
   * finder that the builder was not given, ends the sweep as well. Does nothing when no {@code fit}
   * is running. Early stopping is a listener's:
   *
   * <pre>{@code
   * class Training implements TrainerListener {
   *   final Trainer trainer = Trainer.builder().listener(this).build();
   *   double best = Double.POSITIVE_INFINITY;
   *   int waited;
   *
   *   public void onEpochEnd(TrainingEpoch epoch) {
   *     double loss = epoch.validationLoss().orElseThrow();
   *     waited = loss < best ? 0 : waited + 1;
   *     best = Math.min(best, loss);
   *     if (waited == 3) trainer.stop();
   *   }
   * }
   * }</pre>
   *
   * <p>May be called from any thread.
   */
  public void stop() {
    stopped = true;
  }

  /**
   * Saves the training: parameters, buffers, the optimizer, the states of the random number
   * generators, epoch and step, hyperparameters. For listeners, and after {@link #fit}. On a device
   * a checkpoint saved in {@link TrainerListener#onStep} has the steps that were done meanwhile as
   * well.
   *
   * @param file where to, by atomic rename; its folder must exist. Of several processes rank 0
   *     alone writes it
   * @throws IllegalStateException if nothing was trained yet
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public void saveCheckpoint(Path file) {
    FitLoop<?> trained = last;
    if (trained == null) {
      throw new IllegalStateException("there is nothing to save before fit");
    }
    trained.save(file);
  }

  /**
   * Brings a training back. The model that this trainer has trained last, if any, is as it was
   * saved when this returns: parameters, buffers, a new optimizer, hyperparameters, and the states
   * of the random number generators. And the next {@code fit}, of that or another object of the
   * model's class, starts from the checkpoint: at its epoch and step, with its optimizer and
   * without a sweep before it. Of the epoch that it was written in, the batches already used are
   * skipped, and its training loss is the mean over all its steps.
   *
   * <p>Called in {@link TrainerListener#onEpochEnd}, it is the running {@code fit} that goes on
   * from the checkpoint.
   *
   * @param file what {@link #saveCheckpoint} wrote; read again by the next {@code fit}
   * @throws UncheckedIOException if there is no such file
   * @throws IllegalArgumentException if it is damaged, no checkpoint, or one of another network or
   *     optimizer; nothing was changed
   * @throws IllegalStateException if {@code fit} is running and has not just ended an epoch, {@link
   *     #lrFind(TrainableModel)} is running, or another thread sweeps or trains the model
   */
  public void restore(Path file) {
    FitLoop<?> trained = last;
    if (sweeping) {
      throw new IllegalStateException(
          "lrFind is running: restore may be called when it has returned, not from within");
    }
    if (fitting && (trained == null || !trained.isBetweenEpochs())) {
      throw new IllegalStateException(
          "fit is running: from within, restore may be called in a listener's onEpochEnd only, where no step or sweep is under way");
    }
    try (Checkpoint read = Checkpoint.read(file)) {
      if (trained != null) {
        try (ModelClaim claim = ModelClaim.ofTraining(trained.model().module())) {
          trained.resume(read);
        }
      }
    }
    checkpoint = fitting ? null : file;
  }

  /** Collects a trainer's settings; each method names its default. Not thread-safe. */
  public static final class Builder extends StepOptions<Builder> {
    private boolean autoLrFind;
    private @Nullable String attribute;
    private Set<Integer> lrFindAtEpochs = Set.of();
    private @Nullable LrFinder finder;
    private boolean lrFindRetries = true;
    private int maxEpochs = 1000;
    private long maxSteps = Long.MAX_VALUE;
    private @Nullable String device;
    private EngineChoice engine = EngineChoice.AUTO;
    private Path defaultRootDir = Path.of("");
    private @Nullable MetricsLogger logger;
    private int logEverySteps = 50;
    private @Nullable TrainerListener listener;

    private PrintStream console = System.out; // the library's one place that prints
    private @Nullable Boolean progressBar;
    private @Nullable Distributed group;

    private Builder() {}

    @Override
    protected Builder self() {
      return this;
    }

    /**
     * Sets whether {@code fit} first finds the learning rate and sets the model's {@code lr},
     * {@code learningRate} or {@code learning_rate}.
     *
     * @param find default false
     * @return this builder
     */
    public Builder autoLrFind(boolean find) {
      this.autoLrFind = find;
      this.attribute = null;
      return this;
    }

    /**
     * Lets {@code fit} first find the learning rate and set a hyperparameter or field of the model.
     *
     * @param attribute its name, or a dotted path such as {@code optimizer.rate} through objects
     *     and maps
     * @return this builder
     */
    public Builder autoLrFind(String attribute) {
      if (attribute.isBlank()) {
        throw new IllegalArgumentException("autoLrFind needs a name, not a blank");
      }
      this.autoLrFind = true;
      this.attribute = attribute;
      return this;
    }

    /**
     * Lets {@code fit} find the learning rate again before these epochs, for fine-tuning: the
     * model's learning rate and the optimizer's groups are set to it, and the optimizer keeps its
     * state.
     *
     * @param epochs from 0; default none
     * @return this builder
     */
    public Builder lrFindAtEpochs(int... epochs) {
      Set<Integer> chosen = new TreeSet<>();
      for (int epoch : epochs) {
        require(epoch >= 0, "lrFindAtEpochs", epoch, "at least 0");
        chosen.add(epoch);
      }
      this.lrFindAtEpochs = Set.copyOf(chosen);
      return this;
    }

    /**
     * Sets how the sweeps of {@code fit} and of {@link Trainer#lrFind(TrainableModel)} are done.
     *
     * @param finder used as it is; by default one with Lightning's defaults and the trainer's
     *     accumulation, clipping, precision and engine, that sweeps again where a sweep has no
     *     answer
     * @return this builder
     */
    public Builder lrFinder(LrFinder finder) {
      this.finder = Objects.requireNonNull(finder, "finder");
      return this;
    }

    /**
     * Sets whether the default finder sweeps again, with more steps or in another range, where a
     * sweep has no answer, or no sure one: {@link LrFinder.Builder#autoSteps} and {@link
     * LrFinder.Builder#autoRange}, within {@link LrFinder.Builder#autoBudget}. Lightning's sweep of
     * 100 steps has none for small batches, and none for plain SGD whose loss still falls at 1.
     *
     * @param retries default true
     * @return this builder
     */
    public Builder lrFindRetries(boolean retries) {
      this.lrFindRetries = retries;
      return this;
    }

    /**
     * Sets the last epoch.
     *
     * @param epochs at least 0, which trains nothing: a rate that {@code autoLrFind} finds is set;
     *     default 1000, as in Lightning 0.8.1
     * @return this builder
     */
    public Builder maxEpochs(int epochs) {
      this.maxEpochs = epochs;
      return this;
    }

    /**
     * Sets the last optimizer step.
     *
     * @param steps at least 0; default none
     * @return this builder
     */
    public Builder maxSteps(long steps) {
      this.maxSteps = steps;
      return this;
    }

    /**
     * Sets the device that the model is moved to, before its optimizer is made, and its batches
     * with it if they are of type {@link org.lrfinder.data.Batch} or {@link
     * org.bytedeco.pytorch.Tensor}, by copies that nobody waits for. Other batches of a {@link
     * TrainableModel} stay where they are, and its {@code trainingStep} moves them. The model stays
     * there after the training.
     *
     * @param device as libtorch names it, {@code cpu} or {@code cuda:0}; default: model and batches
     *     stay where they are
     * @return this builder
     * @throws IllegalArgumentException if it is no such name; that there is no such device is said
     *     by {@code fit} and {@code lrFind}, with the reason
     */
    public Builder device(String device) {
      this.device = Devices.requireName(device);
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
     * Sets the folder under which the default logger writes.
     *
     * @param folder made if missing; default the working directory
     * @return this builder
     */
    public Builder defaultRootDir(Path folder) {
      this.defaultRootDir = Objects.requireNonNull(folder, "folder");
      return this;
    }

    /**
     * Sets what keeps hyperparameters and metrics.
     *
     * @param logger default a {@link CsvLogger} on the default root folder; {@link
     *     MetricsLogger#NONE} keeps nothing
     * @return this builder
     */
    public Builder logger(MetricsLogger logger) {
      this.logger = Objects.requireNonNull(logger, "logger");
      return this;
    }

    /**
     * Sets how often the metrics of a step are logged.
     *
     * @param steps every so many; at least 1, default 50
     * @return this builder
     */
    public Builder logEverySteps(int steps) {
      this.logEverySteps = steps;
      return this;
    }

    /**
     * Hears of steps, epochs and rates.
     *
     * @param listener replaces an earlier one
     * @return this builder
     */
    public Builder listener(TrainerListener listener) {
      this.listener = Objects.requireNonNull(listener, "listener");
      return this;
    }

    /**
     * Sets where the trainer prints.
     *
     * @param console default {@code System.out}
     * @return this builder
     */
    public Builder console(PrintStream console) {
      this.console = Objects.requireNonNull(console, "console");
      return this;
    }

    /**
     * Sets whether progress bars are drawn; without them each epoch prints a line.
     *
     * @param draw by default, where the console is {@code System.out} and a terminal
     * @return this builder
     */
    public Builder progressBar(boolean draw) {
      this.progressBar = draw;
      return this;
    }

    /**
     * Trains together with other processes, each of which trains the same model on its own share of
     * every batch, as {@link org.lrfinder.SweepTask#across} says of a sweep; so do the sweeps of
     * {@code autoLrFind}. {@link org.lrfinder.data.TensorBatches#shard} divides a data set. An
     * epoch ends for all when one process has no batches left. The validation loss is the mean over
     * the batches of all.
     *
     * <p>All call {@code fit}, and all hear of steps and epochs. Rank 0 alone prints, logs and
     * writes checkpoints: {@link Trainer#saveCheckpoint} writes nothing elsewhere. All read them,
     * from a folder that they share. What is restored of random numbers is rank 0's there, and
     * elsewhere numbers of its own, drawn from that.
     *
     * @param group the processes; default this one alone
     * @return this builder
     */
    public Builder across(Distributed group) {
      this.group = Objects.requireNonNull(group, "group");
      return this;
    }

    private TrainerSettings settings() {
      require(maxEpochs >= 0, "maxEpochs", maxEpochs, "at least 0");
      require(maxSteps >= 0, "maxSteps", maxSteps, "at least 0");
      require(logEverySteps >= 1, "logEverySteps", logEverySteps, "at least 1");
      return new TrainerSettings(
          autoLrFind,
          attribute,
          lrFindAtEpochs,
          finder,
          lrFindRetries,
          maxEpochs,
          maxSteps,
          stepSettings(),
          device,
          engine,
          defaultRootDir,
          logEverySteps,
          progressBar != null ? progressBar : console == System.out && System.console() != null,
          group);
    }

    /**
     * Makes the trainer.
     *
     * @return a trainer
     * @throws IllegalArgumentException if a setting is out of its range; the message names it, its
     *     value and what is allowed
     */
    public Trainer build() {
      return new Trainer(this);
    }
  }
}

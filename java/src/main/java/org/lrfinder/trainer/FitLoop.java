package org.lrfinder.trainer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleConsumer;
import org.bytedeco.pytorch.LRScheduler;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.ReduceLROnPlateauScheduler;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.BatchWalk;
import org.lrfinder.internal.engine.EngineTraining;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.EvalMode;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.LossFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One training of one model: epochs, steps, validation, sweeps before them. */
final class FitLoop<B> {
  private static final Logger LOG = LoggerFactory.getLogger(FitLoop.class);

  private final TrainerSettings settings;
  private final TrainableModel<B> model;
  private final Module network;
  private final Data<B> data;
  private final @Nullable LearningRateAttribute attribute;
  private final LearningRateSearch search;
  private final Console console;
  private final TrainerListener listener;
  private final MetricsLogger logger;
  private final BooleanSupplier stopped;

  private Made made;
  private TrainingProgress progress = TrainingProgress.START;
  private List<Double> epochLosses = new ArrayList<>();
  private @Nullable LrFinderResult found;
  private double stepLoss = Double.NaN;
  private final DoubleConsumer stepLosses = mean -> stepLoss = mean;
  private double trainLoss = Double.NaN;
  private OptionalDouble validationLoss = OptionalDouble.empty();
  private long batchesPerEpoch;
  private double ratePerGroupRate = 1;
  private boolean resumed;
  private boolean betweenEpochs;
  private boolean loggedHyperparameters;
  private long sweptBatches;
  private boolean warnedOfNonFinite;

  /** What the model makes anew each time. */
  private record Made(
      Optimizer optimizer,
      @Nullable LRScheduler scheduler,
      @Nullable ReduceLROnPlateauScheduler plateau) {
    static Made by(TrainableModel<?> model) {
      Optimizer optimizer =
          Objects.requireNonNull(
              model.configureOptimizers(), "configureOptimizers() returned null");
      if (optimizer.isNull()) {
        throw new IllegalArgumentException(
            "configureOptimizers() returned an optimizer that was closed");
      }
      return new Made(
          optimizer,
          model.configureScheduler(optimizer),
          model.configurePlateauScheduler(optimizer));
    }

    void epochDone(double loss) {
      if (scheduler != null) {
        scheduler.step();
      }
      if (plateau != null) {
        plateau.step((float) loss);
      }
    }

    boolean movesRates() {
      return scheduler != null || plateau != null;
    }
  }

  FitLoop(
      TrainerSettings settings,
      TrainableModel<B> model,
      Data<B> data,
      @Nullable LearningRateAttribute attribute,
      LearningRateSearch search,
      Console console,
      TrainerListener listener,
      MetricsLogger logger,
      BooleanSupplier stopped) {
    this.settings = settings;
    this.model = model;
    this.network = checkedModule(model);
    this.data = data;
    this.attribute = attribute;
    this.search = search;
    this.console = console;
    this.listener = listener;
    this.logger = logger;
    this.stopped = stopped;
    this.made = Made.by(model);
  }

  private static Module checkedModule(TrainableModel<?> model) {
    Module module = Objects.requireNonNull(model.module(), "module() returned null");
    if (LearningRateSearch.builtInLoss(model).isPresent() && !Objective.Native.forwards(module)) {
      throw new IllegalArgumentException(
          "%s has a loss(), which forwards the layers of a SequentialImpl natively, but its module() is a %s, whose own forward it would not call: override trainingStep(batch) instead"
              .formatted(model.getClass().getName(), module.getClass().getName()));
    }
    return module;
  }

  TrainableModel<B> model() {
    return model;
  }

  Optimizer optimizer() {
    return made.optimizer;
  }

  /** Whether a checkpoint may be restored into the running training. */
  boolean isBetweenEpochs() {
    return betweenEpochs;
  }

  /** Goes on where a checkpoint was written; if that is refused, nothing was changed. */
  void resume(Checkpoint checkpoint) {
    // Schedulers cannot be saved. They are walked to their epoch, and the optimizer, whose archive
    // has the rates, comes after them.
    Made fresh = Made.by(model);
    checkpoint.epochLosses().forEach(fresh::epochDone);
    checkpoint.restore(network, fresh.optimizer);
    made = fresh;
    Hyperparameters.restore(model, checkpoint.hyperparameters());
    progress = checkpoint.progress();
    epochLosses = new ArrayList<>(checkpoint.epochLosses());
    resumed = true;
  }

  void save(Path file) {
    Checkpoint.write(
        file, network, made.optimizer, progress, epochLosses, Hyperparameters.of(model, attribute));
  }

  TrainingResult run() {
    data.watched().beforeFirst(this::logHyperparameters); // by then, nothing was refused
    try {
      if (settings.autoLrFind() && !resumed) {
        findBeforeTraining();
      }
      boolean interrupted = false;
      while (!finished() && !interrupted && !stopped.getAsBoolean()) {
        if (settings.lrFindAtEpochs().contains((int) progress.epoch())
            && progress.batches() == 0
            && !(settings.autoLrFind() && progress.epoch() == 0)) {
          findBetweenEpochs();
        }
        interrupted = epoch();
      }
      if (!loggedHyperparameters) {
        logHyperparameters();
      }
      TrainingResult result =
          new TrainingResult(
              progress.epoch(),
              progress.step(),
              trainLoss,
              validationLoss,
              Optional.ofNullable(found),
              interrupted,
              stopped.getAsBoolean());
      logger.end();
      return result;
    } catch (Throwable failure) {
      try {
        logger.end();
      } catch (Throwable second) {
        failure.addSuppressed(second);
      }
      throw failure;
    }
  }

  private boolean finished() {
    return progress.epoch() >= settings.maxEpochs() || progress.step() >= settings.maxSteps();
  }

  private void logHyperparameters() {
    loggedHyperparameters = true;
    logger.hyperparameters(Hyperparameters.of(model, attribute));
  }

  private double largestRate() {
    try (OptimizerRates rates = new OptimizerRates(made.optimizer)) {
      return rates.largest();
    }
  }

  /** The model makes its optimizer anew, with the rate found. */
  private void findBeforeTraining() {
    Suggestion suggestion = find();
    if (suggestion == null) {
      return;
    }
    LearningRateAttribute rate = attributeToSet();
    double lr = suggestion.lr();
    double used = setAndMake(rate, lr);
    if (!near(used, lr) && used > 0) {
      // The sweep's rate is that of the group with the largest, which may be a multiple of the
      // model's.
      used = setAndMake(rate, lr * lr / used);
      if (!near(used, lr)) {
        used = setAndMake(rate, lr);
      }
    }
    console.learningRateSet(rate, suggestion);
    if (!near(used, lr)) {
      console.learningRateNotUsed(rate, used);
      LOG.warn(
          "{} was set to {}, but configureOptimizers() made an optimizer with the rate {}",
          rate.description(),
          lr,
          used);
    }
    logHyperparameters();
  }

  private double setAndMake(LearningRateAttribute rate, double lr) {
    rate.set(lr);
    made = Made.by(model);
    return largestRate();
  }

  private static boolean near(double used, double lr) {
    return Math.abs(used - lr) <= 1e-6 * lr;
  }

  /** The optimizer keeps its state and gets the rate found. */
  private void findBetweenEpochs() {
    Suggestion suggestion = find();
    if (suggestion != null) {
      LearningRateAttribute rate = attributeToSet();
      rate.set(suggestion.lr() * ratePerGroupRate);
      suggestion.applyTo(made.optimizer);
      console.learningRateSet(rate, suggestion);
      logHyperparameters();
    }
  }

  /** Sweeps and tells of it; null leaves the rate as it was. */
  private @Nullable Suggestion find() {
    ratePerGroupRate = ratePerGroupRate();
    long drawn = data.watched().drawn();
    LrFinderResult result = search.find(model, made.optimizer, data, null, stopped);
    sweptBatches = data.watched().drawn() - drawn;
    found = result;
    listener.onLearningRateFound(result);
    Suggestion suggestion = result.suggestion().orElse(null);
    if (suggestion == null) {
      LearningRateAttribute rate = attributeToSet();
      console.learningRateKept(rate, result);
      LOG.warn(
          "No learning rate was found, sweep {}: {}; {} stays {}",
          result.endReason().words(),
          result.status().words(),
          rate.description(),
          rate.value());
    }
    return suggestion;
  }

  /** The model's rate as a multiple of the largest group's; 1 where that cannot be told. */
  private double ratePerGroupRate() {
    Number rate = attributeToSet().value();
    double largest = largestRate();
    // A scheduler has moved the groups' rates since the model made them.
    boolean known = rate != null && rate.doubleValue() > 0 && largest > 0 && !made.movesRates();
    return known ? rate.doubleValue() / largest : 1;
  }

  private LearningRateAttribute attributeToSet() {
    if (attribute == null) {
      throw new IllegalStateException("a sweep without an attribute to set");
    }
    return attribute;
  }

  @SuppressWarnings("unchecked") // a Model's batches are of type Batch
  private Objective<B> objective(LossFunction<B> own) {
    return LearningRateSearch.builtInLoss(model)
        .map(loss -> (Objective<B>) new Objective.Native(loss))
        .orElseGet(() -> new Objective.Callback<>(own));
  }

  /** Trains to the end of the epoch; returns whether the thread was interrupted. */
  private boolean epoch() {
    Objective<B> objective = objective(model::trainingStep);
    Objective<B> held = objective(model::validationStep);
    TrainingEpoch done;
    try (EngineTraining training =
            Engines.of(settings.engine()).train(network, made.optimizer, settings.steps());
        OptimizerRates rates = new OptimizerRates(made.optimizer);
        Console.Bar bar =
            console.bar(Console.task(progress.epoch(), settings.maxEpochs()), batchesPerEpoch)) {
      if (!steps(training, objective, rates, bar)) {
        return Thread.currentThread().isInterrupted();
      }
      double lr = rates.largest();
      validationLoss = validate(training, held, data.validation());
      if (bar != null) {
        bar.message(Console.message(trainLoss, lr, validationLoss));
      }
      done = new TrainingEpoch(progress.epoch(), progress.step(), lr, trainLoss, validationLoss);
    }
    logger.metrics(
        new MetricsLogger.Metrics(
            done.epoch(),
            done.step(),
            done.lr(),
            OptionalDouble.empty(),
            OptionalDouble.of(trainLoss),
            validationLoss));
    double loss = validationLoss.orElse(trainLoss);
    made.epochDone(loss);
    epochLosses.add(loss);
    progress = progress.nextEpoch();
    console.epochDone(done, settings.maxEpochs());
    betweenEpochs = true;
    try {
      listener.onEpochEnd(done);
    } finally {
      betweenEpochs = false;
    }
    return Thread.currentThread().isInterrupted();
  }

  /** Does the epoch's steps; returns whether it came to its end. */
  private boolean steps(
      EngineTraining training,
      Objective<B> objective,
      OptimizerRates rates,
      Console.@Nullable Bar bar) {
    int window = settings.steps().accumulateGradBatches();
    long epoch = progress.epoch();
    if (progress.epochSteps() > 0) {
      trainLoss = progress.trainLoss();
    }
    try (BatchWalk<B> walk = new BatchWalk<>(data.train(), epoch)) {
      if (!walk.hasNext()) {
        throw new IllegalArgumentException(
            "there is no data: the batches of epoch %d are empty%s"
                .formatted(epoch, whyEmpty(data.watched().drawn())));
      }
      warnOfSweptBatches();
      for (long used = progress.batches(); used > 0 && walk.hasNext(); used--) {
        walk.next();
      }
      int microBatches = 0; // of the present step, before its last
      int drawn = 0; // for it, with those that were left out
      while (walk.hasNext()) {
        if (Thread.currentThread().isInterrupted()
            || stopped.getAsBoolean()
            || progress.step() >= settings.maxSteps()) {
          return false;
        }
        B batch = walk.next();
        drawn++;
        if (microBatches + 1 < window && walk.hasNext()) {
          if (objective.accumulate(training, batch)) {
            microBatches++;
          }
          continue;
        }
        double lr = rates.largest();
        if (!objective.step(training, batch, stepLosses)) {
          if (microBatches == 0 || walk.hasNext()) {
            continue;
          }
          stepLoss = training.finish(); // the epoch ends with batches that are left out
        }
        double loss = stepLoss;
        progress = progress.nextStep(drawn, loss);
        trainLoss = progress.trainLoss();
        microBatches = 0;
        drawn = 0;
        stepDone(loss, lr);
        if (bar != null) {
          bar.stepTo(progress.batches());
          bar.message(Console.message(loss, lr, OptionalDouble.empty()));
        }
      }
      if (progress.epochSteps() == 0) {
        throw new IllegalArgumentException(
            "no batch is used: the loss was null for all %d batches of epoch %d"
                .formatted(drawn, epoch));
      }
      batchesPerEpoch = progress.batches();
      return true;
    }
  }

  private static String whyEmpty(long drawn) {
    return drawn == 0
        ? ""
        : ", though %d were drawn before: their iterator() must start anew each time it is called"
            .formatted(drawn);
  }

  /** Of a source that can be walked once, the sweep's batches are lost to the training. */
  private void warnOfSweptBatches() {
    if (sweptBatches > 0 && data.watched().sameIterator()) {
      String warning =
          "the sweep and the training were given the same iterator of the training batches: unless it starts anew, the %d batches that the sweep drew are missing from the training; make a new iterator at each call of iterator(), as a List does"
              .formatted(sweptBatches);
      LOG.warn(warning);
      console.warning(warning);
    }
    sweptBatches = 0;
  }

  private void stepDone(double loss, double lr) {
    if (!Double.isFinite(loss) && !warnedOfNonFinite) {
      warnedOfNonFinite = true;
      LOG.warn("The loss of step {} is {}; the training goes on", progress.step(), loss);
    }
    if (progress.step() % settings.logEverySteps() == 0) {
      logger.metrics(
          new MetricsLogger.Metrics(
              progress.epoch(),
              progress.step(),
              lr,
              OptionalDouble.of(loss),
              OptionalDouble.empty(),
              OptionalDouble.empty()));
    }
    listener.onStep(new TrainingStep(progress.epoch(), progress.step(), lr, loss));
  }

  private OptionalDouble validate(
      EngineTraining training, Objective<B> objective, @Nullable Iterable<B> batches) {
    if (batches == null) {
      return OptionalDouble.empty();
    }
    DoubleSummaryStatistics losses = new DoubleSummaryStatistics();
    long drawn = 0;
    try (EvalMode evaluation = new EvalMode(network);
        BatchWalk<B> walk = new BatchWalk<>(batches, 0)) {
      while (walk.hasNext()) {
        objective.evaluate(training, walk.next(), losses);
        drawn++;
      }
    }
    if (losses.getCount() == 0) {
      throw new IllegalArgumentException(
          drawn == 0
              ? "there is no validation data: the batches are empty"
              : "no validation batch is used: the loss was null for all %d of them"
                  .formatted(drawn));
    }
    return OptionalDouble.of(losses.getAverage());
  }
}

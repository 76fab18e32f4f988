package org.lrfinder.trainer;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.LRScheduler;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineTraining;
import org.lrfinder.engine.Engines;
import org.lrfinder.engine.EvalMode;
import org.lrfinder.engine.Objective;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.BatchWalk;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One training of one model: epochs, steps, validation, sweeps before them. */
final class FitLoop {
  private static final Logger LOG = LoggerFactory.getLogger(FitLoop.class);

  private final TrainerSettings settings;
  private final Model model;
  private final Module network;
  private final Data data;
  private final @Nullable LearningRateAttribute attribute;
  private final LearningRateSearch search;
  private final Console console;
  private final TrainerListener listener;
  private final MetricsLogger logger;

  private Optimizer optimizer;
  private @Nullable LRScheduler scheduler;
  private TrainingProgress progress = TrainingProgress.START;
  private @Nullable LrFinderResult found;
  private double trainLoss = Double.NaN;
  private OptionalDouble validationLoss = OptionalDouble.empty();
  private long batchesPerEpoch;
  private double ratePerGroupRate = 1;
  private boolean resumed;
  private boolean warnedOfNonFinite;

  FitLoop(
      TrainerSettings settings,
      Model model,
      Data data,
      @Nullable LearningRateAttribute attribute,
      LearningRateSearch search,
      Console console,
      TrainerListener listener,
      MetricsLogger logger) {
    this.settings = settings;
    this.model = model;
    this.network = checkedModule(model);
    this.data = data;
    this.attribute = attribute;
    this.search = search;
    this.console = console;
    this.listener = listener;
    this.logger = logger;
    makeOptimizer();
  }

  private static Module checkedModule(Model model) {
    Module module = Objects.requireNonNull(model.module(), "module() returned null");
    if (model.loss().isPresent() && !Objective.Native.forwards(module)) {
      throw new IllegalArgumentException(
          "%s has a loss(), which forwards the layers of a SequentialImpl natively, but its module() is a %s, whose own forward it would not call: override trainingStep(batch) instead"
              .formatted(model.getClass().getName(), module.getClass().getName()));
    }
    return module;
  }

  Model model() {
    return model;
  }

  Optimizer optimizer() {
    return optimizer;
  }

  /** Goes on where a checkpoint was written; if that is refused, nothing was changed. */
  void resume(Checkpoint checkpoint) {
    // A scheduler cannot be saved. It is walked to its epoch, and the optimizer, whose archive has
    // the rates, comes after it.
    makeOptimizer();
    for (long epoch = 0; scheduler != null && epoch < checkpoint.progress().epoch(); epoch++) {
      scheduler.step();
    }
    checkpoint.restore(network, optimizer);
    Hyperparameters.restore(model, checkpoint.hyperparameters());
    progress = checkpoint.progress();
    resumed = true;
  }

  void save(Path file) {
    Checkpoint.write(file, network, optimizer, progress, Hyperparameters.of(model, attribute));
  }

  TrainingResult run() {
    try {
      logger.hyperparameters(Hyperparameters.of(model, attribute));
      if (settings.autoLrFind() && !resumed) {
        findBeforeTraining();
      }
      boolean interrupted = false;
      while (!finished() && !interrupted) {
        if (settings.lrFindAtEpochs().contains((int) progress.epoch())
            && progress.batches() == 0
            && !(settings.autoLrFind() && progress.epoch() == 0)) {
          findBetweenEpochs();
        }
        interrupted = epoch();
      }
      TrainingResult result =
          new TrainingResult(
              progress.epoch(),
              progress.step(),
              trainLoss,
              validationLoss,
              Optional.ofNullable(found),
              interrupted);
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

  private void makeOptimizer() {
    optimizer =
        Objects.requireNonNull(model.configureOptimizers(), "configureOptimizers() returned null");
    if (optimizer.isNull()) {
      throw new IllegalArgumentException(
          "configureOptimizers() returned an optimizer that was closed");
    }
    scheduler = model.configureScheduler(optimizer);
  }

  private double largestRate() {
    try (GroupRates rates = new GroupRates(optimizer)) {
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
    logger.hyperparameters(Hyperparameters.of(model, attribute));
  }

  private double setAndMake(LearningRateAttribute rate, double lr) {
    rate.set(lr);
    makeOptimizer();
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
      suggestion.applyTo(optimizer);
      console.learningRateSet(rate, suggestion);
      logger.hyperparameters(Hyperparameters.of(model, attribute));
    }
  }

  /** Sweeps and tells of it; null leaves the rate as it was. */
  private @Nullable Suggestion find() {
    ratePerGroupRate = ratePerGroupRate();
    LrFinderResult result = search.find(model, optimizer, data, null);
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
    boolean known = rate != null && rate.doubleValue() > 0 && largest > 0 && scheduler == null;
    return known ? rate.doubleValue() / largest : 1;
  }

  private LearningRateAttribute attributeToSet() {
    if (attribute == null) {
      throw new IllegalStateException("a sweep without an attribute to set");
    }
    return attribute;
  }

  /** Trains to the end of the epoch; returns whether the thread was interrupted. */
  private boolean epoch() {
    Objective<Batch> objective =
        model.loss().isPresent()
            ? new Objective.Native(model.loss().get())
            : new Objective.Callback<>(model::trainingStep);
    Objective<Batch> held =
        model.loss().isPresent() ? objective : new Objective.Callback<>(model::validationStep);
    TrainingEpoch done;
    try (EngineTraining training =
            Engines.of(settings.engine()).train(network, optimizer, settings.steps());
        GroupRates rates = new GroupRates(optimizer);
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
    if (scheduler != null) {
      scheduler.step();
    }
    progress = progress.nextEpoch();
    console.epochDone(done, settings.maxEpochs());
    listener.onEpochEnd(done);
    return Thread.currentThread().isInterrupted();
  }

  /** Does the epoch's steps; returns whether it came to its end. */
  private boolean steps(
      EngineTraining training,
      Objective<Batch> objective,
      GroupRates rates,
      Console.@Nullable Bar bar) {
    int window = settings.steps().accumulateGradBatches();
    double total = 0;
    long steps = 0;
    long epoch = progress.epoch();
    try (BatchWalk<Batch> walk = new BatchWalk<>(data.train(), epoch)) {
      if (!walk.hasNext()) {
        throw new IllegalArgumentException(
            "there is no data: the batches of epoch " + epoch + " are empty");
      }
      for (long used = progress.batches(); used > 0 && walk.hasNext(); used--) {
        walk.next();
      }
      int inWindow = 0;
      while (walk.hasNext()) {
        if (Thread.currentThread().isInterrupted() || progress.step() >= settings.maxSteps()) {
          return false;
        }
        Batch batch = walk.next();
        if (++inWindow < window && walk.hasNext()) {
          objective.accumulate(training, batch);
          continue;
        }
        double lr = rates.largest();
        double loss = objective.step(training, batch);
        total += loss;
        steps++;
        trainLoss = total / steps;
        progress = progress.nextStep(inWindow);
        inWindow = 0;
        stepDone(loss, lr);
        if (bar != null) {
          bar.stepTo(progress.batches());
          bar.message(Console.message(loss, lr, OptionalDouble.empty()));
        }
      }
      batchesPerEpoch = progress.batches();
      return true;
    }
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
      EngineTraining training, Objective<Batch> objective, @Nullable Iterable<Batch> batches) {
    if (batches == null) {
      return OptionalDouble.empty();
    }
    double total = 0;
    long count = 0;
    try (EvalMode evaluation = new EvalMode(network);
        BatchWalk<Batch> walk = new BatchWalk<>(batches, 0)) {
      while (walk.hasNext()) {
        total += objective.evaluate(training, walk.next());
        count++;
      }
    }
    if (count == 0) {
      throw new IllegalArgumentException("there is no validation data: the batches are empty");
    }
    return OptionalDouble.of(total / count);
  }
}

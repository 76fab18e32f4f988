package org.lrfinder.trainer;

import java.util.Optional;
import java.util.OptionalDouble;
import me.tongfei.progressbar.ProgressBar;
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
  private long stepsPerEpoch;
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
    this.network = model.module();
    this.data = data;
    this.attribute = attribute;
    this.search = search;
    this.console = console;
    this.listener = listener;
    this.logger = logger;
    this.optimizer = model.configureOptimizers();
    this.scheduler = model.configureScheduler(optimizer);
  }

  Model model() {
    return model;
  }

  Optimizer optimizer() {
    return optimizer;
  }

  /** Goes on where a checkpoint was written, whose network is already restored. */
  void resume(Checkpoint checkpoint) {
    // A scheduler cannot be saved. It is walked to its epoch, and the optimizer, whose archive has
    // the rates, comes after it.
    for (long epoch = 0; scheduler != null && epoch < checkpoint.progress().epoch(); epoch++) {
      scheduler.step();
    }
    checkpoint.restore(optimizer);
    progress =
        new TrainingProgress(
            checkpoint.progress().epoch(),
            checkpoint.progress().step(),
            checkpoint.progress().stepsInEpoch());
  }

  void save(java.nio.file.Path file) {
    Checkpoint.write(file, network, optimizer, progress, Hyperparameters.of(model, attribute));
  }

  TrainingResult run() {
    try {
      if (settings.autoLrFind() && progress.equals(TrainingProgress.START)) {
        findBeforeTraining();
      }
      logger.hyperparameters(Hyperparameters.of(model, attribute));
      boolean interrupted = false;
      while (!finished() && !interrupted) {
        if (settings.lrFindAtEpochs().contains((int) progress.epoch())
            && progress.stepsInEpoch() == 0
            && !(settings.autoLrFind() && progress.epoch() == 0)) {
          findBetweenEpochs();
        }
        interrupted = epoch();
      }
      return new TrainingResult(
          progress.epoch(),
          progress.step(),
          trainLoss,
          validationLoss,
          Optional.ofNullable(found),
          interrupted);
    } finally {
      logger.end();
    }
  }

  private boolean finished() {
    return progress.epoch() >= settings.maxEpochs() || progress.step() >= settings.maxSteps();
  }

  /** The model makes its optimizer anew, with the rate found. */
  private void findBeforeTraining() {
    Suggestion suggestion = find();
    if (suggestion == null) {
      return;
    }
    optimizer = model.configureOptimizers();
    scheduler = model.configureScheduler(optimizer);
    try (GroupRates rates = new GroupRates(optimizer)) {
      double applied = rates.largest();
      if (Math.abs(applied - suggestion.lr()) > 1e-6 * suggestion.lr()) {
        LOG.warn(
            "{} was set to {}, but configureOptimizers() made an optimizer with the rate {}",
            attributeToSet().description(),
            suggestion.lr(),
            applied);
      }
    }
  }

  /** The optimizer keeps its state and gets the rate found. */
  private void findBetweenEpochs() {
    Suggestion suggestion = find();
    if (suggestion != null) {
      suggestion.applyTo(optimizer);
      logger.hyperparameters(Hyperparameters.of(model, attribute));
    }
  }

  /** Sweeps, tells of it, and sets the model's learning rate; null leaves it as it was. */
  private @Nullable Suggestion find() {
    LrFinderResult result = search.find(model, optimizer, data, null);
    found = result;
    listener.onLearningRateFound(result);
    Suggestion suggestion = result.suggestion().orElse(null);
    LearningRateAttribute rate = attributeToSet();
    if (suggestion == null) {
      console.learningRateKept(rate, result);
      LOG.warn(
          "No learning rate was found: {}; {} stays {}",
          result.status().words(),
          rate.description(),
          rate.value());
    } else {
      rate.set(suggestion.lr());
      console.learningRateSet(rate, suggestion);
    }
    return suggestion;
  }

  private LearningRateAttribute attributeToSet() {
    if (attribute == null) {
      throw new IllegalStateException("a sweep without an attribute to set");
    }
    return attribute;
  }

  /** Trains to the end of the epoch; returns whether the thread was interrupted. */
  private boolean epoch() {
    Objective objective =
        model.loss().isPresent()
            ? new Objective.Native(model.loss().get())
            : new Objective.Callback(model::trainingStep);
    Objective held =
        model.loss().isPresent() ? objective : new Objective.Callback(model::validationStep);
    try (EngineTraining training =
            Engines.of(settings.engine()).train(network, optimizer, settings.steps());
        GroupRates rates = new GroupRates(optimizer)) {
      if (!steps(training, objective, rates)) {
        return Thread.currentThread().isInterrupted();
      }
      double lr = rates.largest();
      validationLoss = validate(training, held, data.validation());
      if (validationLoss.isPresent()) {
        logger.metrics(
            new MetricsLogger.Metrics(
                progress.epoch(), progress.step(), lr, OptionalDouble.empty(), validationLoss));
      }
      if (scheduler != null) {
        scheduler.step();
      }
      TrainingEpoch done =
          new TrainingEpoch(progress.epoch(), progress.step(), lr, trainLoss, validationLoss);
      progress = progress.nextEpoch();
      console.epochDone(done, settings.maxEpochs());
      listener.onEpochEnd(done);
      return Thread.currentThread().isInterrupted();
    }
  }

  /** Does the epoch's steps; returns whether it came to its end. */
  private boolean steps(EngineTraining training, Objective objective, GroupRates rates) {
    int window = settings.steps().accumulateGradBatches();
    double total = 0;
    long steps = 0;
    long epoch = progress.epoch();
    try (BatchWalk walk = new BatchWalk(data.train(), epoch);
        ProgressBar bar = console.bar(Console.task(epoch, settings.maxEpochs()), stepsPerEpoch)) {
      if (!walk.hasNext()) {
        throw new IllegalArgumentException(
            "there is no data: the batches of epoch " + epoch + " are empty");
      }
      for (long done = progress.stepsInEpoch() * window; done > 0 && walk.hasNext(); done--) {
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
        inWindow = 0;
        double lr = rates.largest();
        double loss = objective.step(training, batch);
        total += loss;
        steps++;
        trainLoss = total / steps;
        stepDone(loss, lr);
        if (bar != null) {
          bar.stepTo(progress.stepsInEpoch()).setExtraMessage(Console.message(loss, lr));
        }
      }
      stepsPerEpoch = progress.stepsInEpoch();
      return true;
    }
  }

  private void stepDone(double loss, double lr) {
    progress = progress.nextStep();
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
              OptionalDouble.empty()));
    }
    listener.onStep(new TrainingStep(progress.epoch(), progress.step(), lr, loss));
  }

  private OptionalDouble validate(
      EngineTraining training, Objective objective, @Nullable Iterable<Batch> batches) {
    if (batches == null) {
      return OptionalDouble.empty();
    }
    double total = 0;
    long count = 0;
    try (EvalMode evaluation = new EvalMode(network);
        BatchWalk walk = new BatchWalk(batches, 0)) {
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

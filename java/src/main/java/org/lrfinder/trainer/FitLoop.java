package org.lrfinder.trainer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.BatchWalk;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.internal.engine.EngineTraining;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.Outcome;
import org.lrfinder.internal.engine.Peers;
import org.lrfinder.internal.loop.FlightLog;
import org.lrfinder.internal.loop.Validation;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One training of one model: epochs, steps, validation, with sweeps before and between them. */
final class FitLoop<B> {
  private static final Logger LOG = LoggerFactory.getLogger(FitLoop.class);

  private final TrainerSettings settings;
  private final ModelTask<B> task;
  private final LearningRateSetter<B> setter;
  private final Observers observers;
  private final BooleanSupplier stopped;
  private final @Nullable Peers peers; // null for this process alone

  private final FlightLog flight = FlightLog.begin();

  private ConfiguredOptimizer configured;
  private TrainingProgress progress = new TrainingProgress();
  private List<Double> epochLosses = new ArrayList<>();
  private @Nullable DoneSteps doneSteps; // of the running epoch
  private double trainLoss = Double.NaN;
  private OptionalDouble validationLoss = OptionalDouble.empty();
  private Replay replay = Replay.of(0, "there was no step");
  private Optional<EngineInfo> engine = Optional.empty();
  private long batchesPerEpoch;
  private boolean resumed;
  private boolean betweenEpochs;
  private boolean loggedHyperparameters;
  private boolean warnedOfNonFinite;
  private boolean endedTogether; // by any of several processes
  private boolean agreed; // once, with the others

  FitLoop(
      TrainerSettings settings,
      ModelTask<B> task,
      LearningRateSearch search,
      Observers observers,
      BooleanSupplier stopped,
      @Nullable Peers peers) {
    this.settings = settings;
    this.task = task;
    this.setter = new LearningRateSetter<>(task, search, observers, stopped);
    this.observers = observers;
    this.stopped = stopped;
    this.peers = peers;
    this.configured = ConfiguredOptimizer.by(task.model());
  }

  TrainableModel<B> model() {
    return task.model();
  }

  Optimizer optimizer() {
    return configured.optimizer();
  }

  /** Whether a checkpoint may be restored into the running training. */
  boolean isBetweenEpochs() {
    return betweenEpochs;
  }

  /** Goes on where a checkpoint was written; if that is refused, nothing was changed. */
  void resume(Checkpoint checkpoint) {
    // Schedulers cannot be saved. They are walked to their epoch, and the optimizer, whose archive
    // has the rates, comes after them.
    Checkpoint.Contents saved = checkpoint.contents();
    ConfiguredOptimizer fresh = ConfiguredOptimizer.by(model());
    saved.epochLosses().forEach(fresh::epochDone);
    checkpoint.restore(task.network(), fresh.optimizer());
    if (settings.group() != null && !settings.isFirst()) {
      // Those of rank 0 would give each process the same dropout.
      try (Tensor drawn = torch.randint(Long.MAX_VALUE, new long[] {1})) {
        torch.manual_seed(drawn.item_long() + settings.group().rank());
      }
    }
    configured = fresh;
    Hyperparameters.restore(model(), saved.hyperparameters());
    progress = saved.progress();
    epochLosses = new ArrayList<>(saved.epochLosses());
    resumed = true;
  }

  /**
   * Saves the training as it is, which is ahead of what listeners were told where losses are late.
   */
  void save(Path file) {
    if (doneSteps != null) {
      doneSteps.settle();
    }
    if (!settings.isFirst()) {
      return;
    }
    Checkpoint.write(
        file, task.network(), optimizer(), progress, epochLosses, task.hyperparameters());
  }

  TrainingResult run() {
    task.watched().beforeFirst(this::logHyperparameters); // by then, nothing was refused
    try (observers) {
      if (settings.autoLrFind() && !resumed) {
        ConfiguredOptimizer made = setter.setBeforeTraining(configured);
        if (made != null) {
          configured = made;
          logHyperparameters();
        }
      }
      boolean interrupted = false;
      while (!finished() && !ended(interrupted)) {
        if (settings.lrFindAtEpochs().contains((int) progress.epoch())
            && progress.batches() == 0
            && !(settings.autoLrFind() && progress.epoch() == 0)
            && setter.setBetweenEpochs(configured)) {
          logHyperparameters();
        }
        interrupted = epoch();
      }
      if (!loggedHyperparameters) {
        logHyperparameters();
      }
      engine.ifPresent(by -> flight.endTraining(progress.epoch(), progress.step(), trainLoss, by));
      return new TrainingResult(
          progress.epoch(),
          progress.step(),
          trainLoss,
          validationLoss,
          setter.found(),
          engine,
          replay,
          interrupted,
          stopped.getAsBoolean() || (endedTogether && !interrupted));
    }
  }

  /** Whether the training ends early; of several processes all do if one does. */
  private boolean ended(boolean interrupted) {
    boolean own = interrupted || stopped.getAsBoolean();
    if (peers == null) {
      return own;
    }
    if (!endedTogether) {
      endedTogether = peers.any(own);
    }
    return endedTogether;
  }

  private boolean finished() {
    return progress.epoch() >= settings.maxEpochs() || progress.step() >= settings.maxSteps();
  }

  private void logHyperparameters() {
    loggedHyperparameters = true;
    observers.logger().hyperparameters(task.hyperparameters());
  }

  /** Trains to the end of the epoch; returns whether the thread was interrupted. */
  private boolean epoch() {
    @Nullable TrainingEpoch done;
    try (EngineTraining training =
            Engines.of(settings.engine())
                .train(
                    task.network(), optimizer(), settings.step(), model().declaredStatic(), peers);
        OptimizerRates rates = new OptimizerRates(optimizer());
        Console.Bar bar =
            observers
                .console()
                .bar(Console.task(progress.epoch(), settings.maxEpochs()), batchesPerEpoch);
        DoneSteps steps = new DoneSteps(progress, training::settle, training::loss)) {
      doneSteps = steps;
      done = Peers.telling(peers, () -> trained(training, rates, bar, steps));
    } finally {
      doneSteps = null;
    }
    if (done == null) {
      return Thread.currentThread().isInterrupted();
    }
    logMetrics(
        done.step(),
        done.lr(),
        OptionalDouble.empty(),
        OptionalDouble.of(trainLoss),
        validationLoss);
    double loss = validationLoss.orElse(trainLoss);
    configured.epochDone(loss);
    epochLosses.add(loss);
    progress.nextEpoch();
    observers.console().epochDone(done, settings.maxEpochs());
    betweenEpochs = true;
    try {
      if (observers.listener() != null) {
        observers.listener().onEpochEnd(done);
      }
    } finally {
      betweenEpochs = false;
    }
    return Thread.currentThread().isInterrupted();
  }

  /** Does the epoch's steps and its validation; null if it did not come to its end. */
  private @Nullable TrainingEpoch trained(
      EngineTraining training, OptimizerRates rates, Console.@Nullable Bar bar, DoneSteps steps) {
    if (peers != null) {
      training.agree(alike(rates), !agreed);
      agreed = true;
    }
    DoneSteps.Told told = (step, batches, lr, loss) -> stepDone(step, batches, lr, loss, bar);
    boolean complete = steps(training, rates, steps, told);
    steps.settle();
    steps.tell(told);
    if (progress.epochSteps() > 0) {
      trainLoss = progress.trainLoss();
    }
    replay = sum(replay, training.replay());
    engine = Optional.of(training.info());
    if (!complete) {
      return null;
    }
    double lr = rates.largest();
    Iterable<B> held = task.validationBatches();
    validationLoss =
        held == null
            ? OptionalDouble.empty()
            : OptionalDouble.of(
                Validation.ofAll(task.network(), training, task.validation(), held));
    if (bar != null) {
      bar.message(Console.message(trainLoss, lr, validationLoss));
    }
    return new TrainingEpoch(progress.epoch(), progress.step(), lr, trainLoss, validationLoss);
  }

  private static Replay sum(Replay before, Replay epoch) {
    return Replay.of(before.steps() + epoch.steps(), epoch.reason().orElse(""));
  }

  /** Does the epoch's steps; returns whether it came to its end. */
  private boolean steps(
      EngineTraining training, OptimizerRates rates, DoneSteps steps, DoneSteps.Told told) {
    Objective<B> objective = task.training();
    int window = settings.step().accumulateGradBatches();
    long epoch = progress.epoch();
    try (BatchWalk<B> walk = new BatchWalk<>(task.trainBatches(), epoch)) {
      if (!walk.hasNext()) {
        long drawn = task.watched().drawn();
        throw new IllegalArgumentException(
            "there is no data: the batches of epoch %d are empty".formatted(epoch)
                + (drawn == 0
                    ? ""
                    : ", though %d were drawn before: their iterator() must start anew each time it is called"
                        .formatted(drawn)));
      }
      setter.warnOfSweptBatches();
      for (long used = progress.batches(); used > 0 && walk.hasNext(); used--) {
        walk.next();
      }
      int microBatches = 0; // of the present step, before its last
      int drawn = 0; // for it, with those that were left out
      @Nullable EndReason ending = null; // of several processes together
      while (walk.hasNext()) {
        boolean stop =
            Thread.currentThread().isInterrupted()
                || stopped.getAsBoolean()
                || progress.step() >= settings.maxSteps();
        if (stop && !training.isShared()) {
          return false;
        }
        if (drawn == 0) {
          flight.beginStep();
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
        if (training.isShared()) {
          endWithOthers(training, stop, walk.hasNext());
        }
        Outcome found = objective.step(training, batch);
        if (found == null) {
          boolean waitedFor = training.isShared() && (stop || !walk.hasNext());
          if (!waitedFor && (microBatches == 0 || walk.hasNext())) {
            continue;
          }
          found =
              Objective.found(training.finish()); // the epoch ends with batches that are left out
        }
        microBatches = 0;
        if (!training.isShared() || found == Outcome.CONTINUE) { // else nobody had a row
          steps.done(found, drawn, lr);
          flight.endStep(
              progress.step(), lr, found == Outcome.CONTINUE ? training.loss() : Double.NaN);
          drawn = 0;
          steps.tell(told);
        }
        ending = training.ending();
        if (ending == EndReason.CANCELLED) {
          endedTogether = !finished();
          return false;
        }
        if (ending != null) {
          break;
        }
      }
      if (training.isShared() && ending == null) { // resumed where this process has no more
        training.end(EndReason.DATA_EXHAUSTED);
        double lr = rates.largest();
        if (training.finish()) {
          steps.done(Outcome.CONTINUE, drawn, lr);
          steps.tell(told);
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

  /** Says what this process ends with the step that comes. */
  private void endWithOthers(EngineTraining training, boolean stop, boolean hasNext) {
    if (stop) {
      training.end(EndReason.CANCELLED);
    } else if (!hasNext) {
      training.end(EndReason.DATA_EXHAUSTED);
    } else if (progress.step() + 1 >= settings.maxSteps()) {
      training.end(EndReason.CANCELLED);
    }
  }

  /** What all processes have to have alike. */
  private Map<String, Object> alike(OptimizerRates rates) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("epoch", progress.epoch());
    values.put("step", progress.step());
    values.put("maxEpochs", settings.maxEpochs());
    values.put("maxSteps", settings.maxSteps());
    values.putAll(SweepSettings.builder().step(settings.step()).build().asMap());
    values.put("learning rate", rates.largest());
    values.put("optimizer", optimizer().getClass().getName());
    return values;
  }

  private void stepDone(
      long step, long batches, double lr, double loss, Console.@Nullable Bar bar) {
    if (!Double.isFinite(loss) && !warnedOfNonFinite) {
      warnedOfNonFinite = true;
      LOG.warn("The loss of step {} is {}; the training goes on", step, loss);
    }
    if (step % settings.logEverySteps() == 0) {
      logMetrics(step, lr, OptionalDouble.of(loss), OptionalDouble.empty(), OptionalDouble.empty());
    }
    if (observers.listener() != null) {
      observers.listener().onStep(new TrainingStep(progress.epoch(), step, lr, loss));
    }
    if (bar != null) {
      bar.stepTo(batches);
      bar.message(Console.message(loss, lr, OptionalDouble.empty()));
    }
  }

  private void logMetrics(
      long step,
      double lr,
      OptionalDouble loss,
      OptionalDouble epochLoss,
      OptionalDouble validationLoss) {
    observers
        .logger()
        .metrics(
            new MetricsLogger.Metrics(progress.epoch(), step, lr, loss, epochLoss, validationLoss));
  }
}

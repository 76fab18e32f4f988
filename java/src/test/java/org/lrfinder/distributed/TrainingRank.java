package org.lrfinder.distributed;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Models;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;
import org.lrfinder.trainer.TrainerListener;
import org.lrfinder.trainer.TrainingEpoch;
import org.lrfinder.trainer.TrainingResult;
import org.lrfinder.trainer.TrainingStep;

/**
 * Trains as one of several processes, as its arguments say: what, and a folder that all share.
 * Prints the losses as {@link Double#toHexString} writes them.
 */
final class TrainingRank {
  /** What is trained. */
  static final class Subject implements Model {
    private final SharedTask task;
    private final @Nullable Distributed group;
    private final boolean statistics;
    double lr = 0.01;

    Subject(@Nullable Distributed group, boolean statistics) {
      this.group = group;
      this.statistics = statistics;
      this.task = new SharedTask(statistics);
    }

    @Override
    public Module module() {
      return task.network;
    }

    @Override
    public Optional<Loss> loss() {
      return Optional.of(Loss.CROSS_ENTROPY);
    }

    @Override
    public Optimizer configureOptimizers() {
      return Models.keep(new Adam(task.network.parameters(), new AdamOptions(lr)));
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return task.batches(group, !statistics); // batch norm refuses a batch of one row
    }

    @Override
    public Iterable<Batch> validationBatches() {
      return task.batches(group, !statistics); // batch norm refuses a batch of one row
    }
  }

  /** Prints each step, and does what a rank is to do at one. */
  private static final class Listener implements TrainerListener {
    private final String what;
    private final @Nullable Distributed group;
    private final Path checkpoint;
    @Nullable Trainer trainer;

    Listener(String what, @Nullable Distributed group, Path folder) {
      this.what = what;
      this.group = group;
      this.checkpoint = folder.resolve("checkpoint");
    }

    private boolean isSecond() {
      return group != null && group.rank() == 1;
    }

    @Override
    public void onStep(TrainingStep step) {
      System.out.println("loss " + Double.toHexString(step.loss()));
      if (step.step() == 7 && isSecond()) {
        if (what.contains("stopped")) {
          trainer.stop();
        }
        if (what.contains("throwing")) {
          throw new IllegalStateException("no more");
        }
      }
    }

    @Override
    public void onEpochEnd(TrainingEpoch epoch) {
      System.out.println("epoch " + Double.toHexString(epoch.validationLoss().orElseThrow()));
      if (what.contains("saving") && epoch.epoch() == 4) {
        trainer.saveCheckpoint(checkpoint);
      }
      if (what.contains("late-throw") && isSecond()) {
        throw new IllegalStateException("at last");
      }
    }
  }

  private TrainingRank() {}

  /** Trains. */
  public static void main(String[] arguments) {
    try (Distributed group = Distributed.fromEnvironment()) {
      train(arguments[0], group, Path.of(arguments[1]));
    }
  }

  static void train(String what, @Nullable Distributed group, Path folder) {
    Listener listener = new Listener(what, group, folder);
    ByteArrayOutputStream console = new ByteArrayOutputStream();
    int[] logged = new int[1];
    MetricsLogger logger =
        new MetricsLogger() {
          @Override
          public void hyperparameters(Map<String, @Nullable Object> values) {
            logged[0]++;
          }

          @Override
          public void metrics(Metrics metrics) {
            logged[0]++;
          }
        };
    Trainer.Builder builder =
        Trainer.builder()
            .engine(EngineChoice.NATIVE)
            .maxEpochs(what.contains("late-throw") ? 1 : 100)
            .maxSteps(50)
            .autoLrFind(what.contains("finding"))
            .listener(listener)
            .logger(logger)
            .console(new PrintStream(console, true));
    Trainer trainer = (group == null ? builder : builder.across(group)).build();
    listener.trainer = trainer;
    Subject subject = new Subject(group, what.contains("statistics"));
    try {
      if (what.contains("resuming")) {
        trainer.restore(folder.resolve("checkpoint"));
      }
      TrainingResult result = trainer.fit(subject);
      System.out.println("steps " + result.steps() + " epochs " + result.epochs());
      System.out.println("stopped " + result.stopped());
      System.out.println("rate " + Double.toHexString(subject.lr));
    } catch (RuntimeException e) {
      System.out.println("error " + e.getClass().getSimpleName() + ": " + e.getMessage());
    }
    List<String> lines = console.toString().lines().toList();
    System.out.println("console " + !lines.isEmpty() + " log " + (logged[0] > 0));
    System.out.println("saved " + Files.exists(folder.resolve("checkpoint")));
  }
}

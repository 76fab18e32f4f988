package org.lrfinder.benchmarks.speed;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.LrFinder;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.EngineSweep;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.Outcome;
import org.lrfinder.internal.engine.SweepSubject;
import org.lrfinder.internal.loop.BatchCycle;
import org.lrfinder.internal.loop.GroupRatePlan;
import org.lrfinder.internal.loop.Stepper;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;

/**
 * The library: {@link LrFinder#find} and {@link Trainer#fit}. A {@code SequentialImpl} is forwarded
 * natively; of the other networks the loss is computed in Java, and declared static.
 */
final class Library extends JvmContender {
  private static final double LR = 1e-3;

  private final Workload workload;
  private final EngineChoice engine;
  private final boolean replay;
  private final JavaNetwork network;
  private final Optimizer optimizer;

  Library(String name, EngineChoice engine, boolean replay, Workload workload) {
    super(name);
    this.workload = workload;
    this.engine = engine;
    this.replay = replay;
    network = workload.network();
    optimizer = optimizer();
  }

  private Optimizer optimizer() {
    return workload.subject().optimizer().over(network.module().parameters(), LR, Map.of());
  }

  @Override
  double[] swept(double[] rates) {
    LrFinder finder = settings(rates.length).engine(engine).replay(replay).build();
    return finder.find(task()).results().losses();
  }

  /** Starts a sweep at one rate, of which every step is asked for. */
  OpenSweep open() {
    return new OpenSweep();
  }

  private SweepTask<Batch> task() {
    return network
        .sequential()
        .map(layers -> SweepTask.of(layers, optimizer, builtIn(), workload.batches()))
        .orElseGet(
            () ->
                SweepTask.of(
                        network.module(),
                        optimizer,
                        (Batch batch) -> loss(batch),
                        workload.batches())
                    .declaredStatic());
  }

  private Loss builtIn() {
    return workload.subject().network().classifies() ? Loss.CROSS_ENTROPY : Loss.MSE;
  }

  /** Without a scope, what lies between would stay until the next garbage collection. */
  private Tensor loss(Batch batch) {
    try (PointerScope scope = new PointerScope()) {
      Tensor loss = workload.loss(network, batch.input(), batch.target());
      loss.retainReference(); // until it is collected
      return loss;
    }
  }

  @Override
  double[] trained() {
    Trainer trainer =
        Trainer.builder()
            .maxEpochs(1)
            .engine(engine)
            .replay(replay)
            .logger(MetricsLogger.NONE)
            .console(new PrintStream(OutputStream.nullOutputStream()))
            .progressBar(false)
            .build();
    trainer.fit(new Trained());
    return new double[workload.batchesPerEpoch()];
  }

  /** A sweep without an end: its steps, and a new order of the rows after each walk, alone. */
  final class OpenSweep implements AutoCloseable {
    private final EngineSweep sweep;
    private final BatchCycle<Batch> batches;
    private final Stepper stepper;

    private OpenSweep() {
      SweepSettings settings =
          settings(workload.subject().steps()).engine(engine).replay(replay).build().settings();
      boolean inJava = network.sequential().isEmpty();
      List<Objective<Batch>> objectives =
          List.of(
              inJava
                  ? new Objective.Callback<>(Library.this::loss)
                  : new Objective.Native(builtIn()));
      SweepSubject.Part part =
          new SweepSubject.Part(network.module(), null, List.of(optimizer), true);
      SweepSubject subject = new SweepSubject(List.of(part), inJava);
      sweep =
          Engines.of(engine)
              .start(
                  subject,
                  settings,
                  GroupRatePlan.of(subject.optimizers(), List.of(true), settings),
                  null);
      batches = new BatchCycle<>(workload.batches(), true, Engines.cutters(engine, objectives));
      stepper = new Stepper.OfBatches<>(sweep, objectives, batches, 1, null);
    }

    /** {@return the step's loss} */
    double step() {
      Outcome found = stepper.step(MIN_LR, () -> false);
      if (found != Outcome.CONTINUE) {
        throw new IllegalStateException("the sweep ended by itself: " + found);
      }
      return stepper.runningLoss().last();
    }

    @Override
    public void close() {
      try (sweep;
          batches) {
        sweep.restore();
      }
    }
  }

  private final class Trained implements Model {
    @Override
    public Module module() {
      return network.module();
    }

    @Override
    public Optional<Loss> loss() {
      return network.sequential().map(layers -> builtIn());
    }

    @Override
    public Tensor trainingStep(Batch batch) {
      return Library.this.loss(batch);
    }

    @Override
    public Optimizer configureOptimizers() {
      return optimizer();
    }

    @Override
    public boolean declaredStatic() {
      return true;
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return workload.batches();
    }
  }
}

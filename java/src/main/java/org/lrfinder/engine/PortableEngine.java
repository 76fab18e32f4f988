package org.lrfinder.engine;

import static org.lrfinder.engine.PortableMicroBatches.guarded;

import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.LBFGS;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.SweepSettings;

/**
 * A plain Java loop over the presets' API: the reference for the native engine, and the fallback
 * without it.
 */
final class PortableEngine implements Engine {
  @Override
  public EngineSweep start(
      @Nullable Module network,
      Optimizer optimizer,
      SweepSettings settings,
      List<Double> groupRatios) {
    ThreadState threadState = ThreadState.capture();
    try {
      return guarded(() -> started(network, optimizer, settings, groupRatios, threadState));
    } catch (RuntimeException | Error e) {
      threadState.restore();
      throw e;
    }
  }

  private static EngineSweep started(
      @Nullable Module network,
      Optimizer optimizer,
      SweepSettings settings,
      List<Double> groupRatios,
      ThreadState threadState) {
    PortableMicroBatches microBatches =
        new PortableMicroBatches(
            network,
            PortableModel.check(network, optimizer),
            settings.accumulateGradBatches(),
            settings.precision());
    MemoryNeed.of(network, optimizer, /* fused= */ false).check();
    threadState.choose(settings.threads(), optimizer);
    Optimizer copy = PortableModel.privateCopy(optimizer);
    PortableSnapshot snapshot = PortableSnapshot.take(network, optimizer);
    copy.retainReference(); // outlives the scope, until close()
    GradMode.set_enabled(true);
    return new Sweep(microBatches, copy, settings, groupRatios, threadState, snapshot);
  }

  @Override
  public EngineTraining train(
      @Nullable Module network, Optimizer optimizer, TrainingSettings settings) {
    return guarded(
        () -> {
          if (optimizer instanceof LBFGS) {
            throw new IllegalArgumentException(
                "optimizer LBFGS cannot be trained with: it needs to compute the loss several times in a step");
          }
          String device = PortableModel.check(network, optimizer);
          PortableMicroBatches microBatches =
              new PortableMicroBatches(
                  network, device, settings.accumulateGradBatches(), settings.precision());
          ThreadState threadState = ThreadState.capture();
          try {
            threadState.choose(settings.threads(), optimizer);
            PortableMicroBatches.dropGradients(optimizer); // of steps that were not finished
          } catch (RuntimeException | Error e) {
            threadState.restore();
            throw e;
          }
          return new Training(microBatches, optimizer, settings.gradientClipNorm(), threadState);
        });
  }

  /** What sweep and training share. */
  private abstract static class Session implements EngineSession {
    final PortableMicroBatches microBatches;

    Session(PortableMicroBatches microBatches) {
      this.microBatches = microBatches;
    }

    abstract void requireOpen();

    abstract void add(Tensor loss);

    final <T> T withGradients(Supplier<T> call) {
      requireOpen();
      return guarded(
          () -> {
            boolean gradMode = GradMode.is_enabled();
            GradMode.set_enabled(true);
            try {
              return call.get();
            } finally {
              GradMode.set_enabled(gradMode);
            }
          });
    }

    @Override
    public void accumulate(Batch batch, Loss loss) {
      withGradients(
          () -> {
            add(microBatches.loss(batch, loss));
            return true;
          });
    }

    @Override
    public void accumulate(Tensor loss) {
      withGradients(
          () -> {
            add(loss);
            return true;
          });
    }

    @Override
    public double evaluate(Batch batch, Loss loss) {
      requireOpen();
      return guarded(() -> microBatches.evaluate(batch, loss));
    }

    @Override
    public Autocast autocast() {
      return microBatches.autocast();
    }

    @Override
    public EngineInfo info() {
      return EngineInfo.of("portable", microBatches.device());
    }
  }

  private static final class Sweep extends Session implements EngineSweep {
    private final Optimizer copy;
    private final SweepSettings settings;
    private final List<Double> groupRatios;
    private final ThreadState threadState;
    private final PortableSnapshot snapshot;
    private final LossTracker tracker;
    private boolean restored;

    Sweep(
        PortableMicroBatches microBatches,
        Optimizer copy,
        SweepSettings settings,
        List<Double> groupRatios,
        ThreadState threadState,
        PortableSnapshot snapshot) {
      super(microBatches);
      this.copy = copy;
      this.settings = settings;
      this.groupRatios = groupRatios;
      this.threadState = threadState;
      this.snapshot = snapshot;
      this.tracker = new LossTracker(settings.smoothingBeta(), settings.earlyStopThreshold());
    }

    @Override
    void requireOpen() {
      if (restored) {
        throw new IllegalStateException("the sweep has ended: its model was restored");
      }
    }

    @Override
    void add(Tensor loss) {
      if (Double.isFinite(microBatches.add(loss))) {
        microBatches.backward(loss);
      }
    }

    @Override
    public Outcome step(Batch batch, Loss loss, double lr) {
      return withGradients(() -> finish(microBatches.loss(batch, loss), lr));
    }

    @Override
    public Outcome step(Tensor loss, double lr) {
      return withGradients(() -> finish(loss, lr));
    }

    private Outcome finish(Tensor loss, double lr) {
      double mean = microBatches.add(loss);
      if (!Double.isFinite(mean)) {
        return Outcome.NON_FINITE;
      }
      if (tracker.add(mean)) {
        return Outcome.DIVERGED;
      }
      microBatches.backward(loss);
      microBatches.finish(copy, settings.gradientClipNorm());
      OptimizerParamGroupVector groups = copy.param_groups();
      for (int i = 0; i < groupRatios.size(); i++) {
        groups.get(i).options().set_lr(lr * groupRatios.get(i));
      }
      PortableMicroBatches.update(copy);
      return Outcome.CONTINUE;
    }

    @Override
    public double lastLoss() {
      return tracker.last();
    }

    @Override
    public double smoothedLoss() {
      return tracker.smoothed();
    }

    @Override
    public double bestLoss() {
      return tracker.best();
    }

    @Override
    public void restore() {
      if (restored) {
        return;
      }
      restored = true;
      try (PointerScope scope = new PointerScope()) {
        snapshot.restore();
      } finally {
        threadState.restore();
      }
    }

    @Override
    public void close() {
      try {
        restore();
      } finally {
        snapshot.close();
        copy.close();
      }
    }
  }

  private static final class Training extends Session implements EngineTraining {
    private final Optimizer optimizer;
    private final double gradientClipNorm;
    private final ThreadState threadState;
    private boolean closed;

    Training(
        PortableMicroBatches microBatches,
        Optimizer optimizer,
        double gradientClipNorm,
        ThreadState threadState) {
      super(microBatches);
      this.optimizer = optimizer;
      this.gradientClipNorm = gradientClipNorm;
      this.threadState = threadState;
    }

    @Override
    void requireOpen() {
      if (closed) {
        throw new IllegalStateException("the training has ended");
      }
    }

    @Override
    void add(Tensor loss) {
      microBatches.add(loss);
      microBatches.backward(loss);
    }

    @Override
    public double step(Batch batch, Loss loss) {
      return withGradients(() -> finish(microBatches.loss(batch, loss)));
    }

    @Override
    public double step(Tensor loss) {
      return withGradients(() -> finish(loss));
    }

    private double finish(Tensor loss) {
      double mean = microBatches.add(loss);
      microBatches.backward(loss);
      microBatches.finish(optimizer, gradientClipNorm);
      PortableMicroBatches.update(optimizer);
      return mean;
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        threadState.restore();
      }
    }
  }
}

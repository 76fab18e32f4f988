package org.lrfinder.internal.engine;

import java.lang.ref.Reference;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.internal.nativecore.NativeCoreException;
import org.lrfinder.internal.nativecore.NativeStepSettings;
import org.lrfinder.internal.nativecore.NativeSweep;
import org.lrfinder.internal.nativecore.NativeSweepSettings;
import org.lrfinder.internal.nativecore.NativeSweepSubject;
import org.lrfinder.internal.nativecore.NativeTraining;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;
import org.lrfinder.sweep.SweepSettings;

/** The native core behind the engines' interface. */
final class NativeEngine implements Engine {
  @Override
  public EngineSweep start(SweepSubject subject, SweepSettings settings, List<GroupRate> rates) {
    ThreadState threadState = ThreadState.capture();
    try (PointerScope scope = new PointerScope()) {
      NativeSweepSettings nativeSettings =
          new NativeSweepSettings()
              .steps(settings.steps())
              .smoothing_beta(settings.smoothingBeta())
              .early_stop_threshold(settings.earlyStopThreshold())
              .step(
                  new NativeStepSettings()
                      .accumulate_grad_batches(settings.accumulateGradBatches())
                      .gradient_clip_norm(settings.gradientClipNorm())
                      .gradient_clip_value(settings.gradientClipValue())
                      .precision(settings.precision().ordinal()));
      for (GroupRate rate : rates) {
        nativeSettings.add_group_rate(
            rate.ratio(), rate.constant(), rate.origin(), rate.scale(), rate.exponent());
      }
      NativeSweepSubject nativeSubject = new NativeSweepSubject();
      for (SweepSubject.Part part : subject.parts()) {
        if (part.script() != null) {
          nativeSubject.add_part(part.script(), part.recorded());
        } else {
          nativeSubject.add_part(part.module(), part.recorded());
        }
        part.optimizers().forEach(nativeSubject::add_optimizer);
      }
      MemoryNeed.of(subject, /* fused= */ true).check();
      // Before the snapshot, whose copies would wake threads that spin on into the first steps.
      threadState.choose(settings.threads(), subject.optimizers());
      NativeSweep sweep = new NativeSweep(nativeSubject, nativeSettings);
      Sweep running = new Sweep(subject, sweep, threadState, settings.precision());
      sweep.retainReference(); // outlives the scope, until close()
      return running;
    } catch (NativeCoreException e) {
      threadState.restore();
      throw translated(e);
    } catch (RuntimeException | Error e) {
      threadState.restore();
      throw e;
    }
  }

  @Override
  public EngineTraining train(
      @Nullable Module network, Optimizer optimizer, TrainingSettings settings) {
    SweepSubject.Part part = new SweepSubject.Part(network, null, List.of(optimizer), true);
    PortableModel.requireSteppable(optimizer);
    if (!PortableModel.ofPresets(optimizer)) {
      return new PortableEngine().train(network, optimizer, settings); // calls its step in Java
    }
    ThreadState threadState = ThreadState.capture();
    try (PointerScope scope = new PointerScope()) {
      NativeStepSettings step =
          new NativeStepSettings()
              .accumulate_grad_batches(settings.accumulateGradBatches())
              .gradient_clip_norm(settings.gradientClipNorm())
              .gradient_clip_value(Double.POSITIVE_INFINITY)
              .precision(settings.precision().ordinal());
      NativeTraining training = new NativeTraining(network, optimizer, step);
      threadState.choose(settings.threads(), part.optimizers());
      Training running =
          new Training(network, optimizer, training, threadState, settings.precision());
      training.retainReference(); // outlives the scope, until close()
      return running;
    } catch (NativeCoreException e) {
      threadState.restore();
      throw translated(e);
    } catch (RuntimeException | Error e) {
      threadState.restore();
      throw e;
    }
  }

  private static RuntimeException translated(NativeCoreException e) {
    String message = String.valueOf(e.getMessage());
    return switch (e.kind()) {
      case INVALID_ARGUMENT -> new IllegalArgumentException(message, e);
      case OUT_OF_MEMORY -> MemoryNeed.exhausted(message, e);
      case FAILURE -> new EngineException(message, e);
    };
  }

  private static final class Sweep implements EngineSweep {
    private static final Outcome[] OUTCOMES = Outcome.values();

    private final SweepSubject subject; // the core holds plain pointers to what it names
    private final NativeSweep sweep;
    private final ThreadState threadState;
    private final Precision precision;
    private final String device;
    private boolean restored;

    Sweep(SweepSubject subject, NativeSweep sweep, ThreadState threadState, Precision precision) {
      this.subject = subject;
      this.sweep = sweep;
      this.threadState = threadState;
      this.precision = precision;
      try (BytePointer name = sweep.device()) {
        device = name.getString();
      }
    }

    @Override
    public void accumulate(Batch batch, Loss loss) {
      requireRunning();
      try {
        sweep.accumulate(batch.input(), batch.target(), loss.ordinal());
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public void accumulate(Tensor loss, int part) {
      requireRunning();
      try {
        sweep.accumulate(loss, part);
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public Outcome step(Batch batch, Loss loss, double lr) {
      requireRunning();
      try {
        return OUTCOMES[sweep.step(batch.input(), batch.target(), loss.ordinal(), lr)];
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public Outcome step(Tensor loss, double lr, int part) {
      requireRunning();
      try {
        return OUTCOMES[sweep.step(loss, lr, part)];
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public Outcome finish(double lr, int part) {
      requireRunning();
      try {
        return OUTCOMES[sweep.finish(lr, part)];
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public double evaluate(Batch batch, Loss loss) {
      requireRunning();
      try {
        return sweep.evaluate(batch.input(), batch.target(), loss.ordinal());
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public Autocast autocast() {
      return Autocast.of(precision, device);
    }

    @Override
    public double lastLoss() {
      return sweep.last_loss();
    }

    @Override
    public double smoothedLoss() {
      return sweep.smoothed_loss();
    }

    @Override
    public double bestLoss() {
      return sweep.best_loss();
    }

    @Override
    public EngineInfo info() {
      return Engines.info("native", device);
    }

    private void requireRunning() {
      if (restored) {
        throw new IllegalStateException("the sweep has ended: its model was restored");
      }
    }

    @Override
    public void restore() {
      if (restored) {
        return;
      }
      restored = true;
      try {
        sweep.restore();
      } catch (NativeCoreException e) {
        throw new RestoreException(e);
      } finally {
        threadState.restore();
        Reference.reachabilityFence(subject);
      }
    }

    @Override
    public void close() {
      try {
        restore();
      } finally {
        sweep.close();
      }
    }
  }

  private static final class Training implements EngineTraining {
    private final @Nullable Module network; // the core holds plain pointers to these two
    private final Optimizer optimizer;
    private final NativeTraining training;
    private final ThreadState threadState;
    private final Precision precision;
    private final String device;
    private boolean closed;

    Training(
        @Nullable Module network,
        Optimizer optimizer,
        NativeTraining training,
        ThreadState threadState,
        Precision precision) {
      this.network = network;
      this.optimizer = optimizer;
      this.training = training;
      this.threadState = threadState;
      this.precision = precision;
      try (BytePointer name = training.device()) {
        device = name.getString();
      }
    }

    @Override
    public void accumulate(Batch batch, Loss loss) {
      requireOpen();
      try {
        training.accumulate(batch.input(), batch.target(), loss.ordinal());
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public void accumulate(Tensor loss) {
      requireOpen();
      try {
        training.accumulate(loss);
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public double step(Batch batch, Loss loss) {
      requireOpen();
      try {
        return training.step(batch.input(), batch.target(), loss.ordinal());
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public double step(Tensor loss) {
      requireOpen();
      try {
        return training.step(loss);
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public double finish() {
      requireOpen();
      try {
        return training.finish();
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public double evaluate(Batch batch, Loss loss) {
      requireOpen();
      try {
        return training.evaluate(batch.input(), batch.target(), loss.ordinal());
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }

    @Override
    public Autocast autocast() {
      return Autocast.of(precision, device);
    }

    @Override
    public EngineInfo info() {
      return Engines.info("native", device);
    }

    private void requireOpen() {
      if (closed) {
        throw new IllegalStateException("the training has ended");
      }
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        threadState.restore();
        training.close();
      }
      Reference.reachabilityFence(network);
      Reference.reachabilityFence(optimizer);
    }
  }
}

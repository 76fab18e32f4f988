package org.lrfinder.engine;

import java.lang.ref.Reference;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DoubleVector;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.nativecore.NativeCoreException;
import org.lrfinder.nativecore.NativeSweep;
import org.lrfinder.nativecore.NativeSweepSettings;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.SweepSettings;

/** The native core behind the engines' interface. */
final class NativeEngine implements Engine {
  @Override
  public EngineSweep start(
      @Nullable Module network,
      Optimizer optimizer,
      SweepSettings settings,
      List<Double> groupRatios) {
    ThreadState threadState = ThreadState.capture();
    try (PointerScope scope = new PointerScope()) {
      NativeSweepSettings nativeSettings =
          new NativeSweepSettings()
              .smoothing_beta(settings.smoothingBeta())
              .early_stop_threshold(settings.earlyStopThreshold())
              .gradient_clip_norm(settings.gradientClipNorm())
              .accumulate_grad_batches(settings.accumulateGradBatches())
              .group_ratios(
                  new DoubleVector(
                      groupRatios.stream().mapToDouble(Double::doubleValue).toArray()));
      // Before the snapshot, whose copies would wake threads that spin on into the first steps.
      threadState.chooseForSweep(settings.threads(), optimizer);
      NativeSweep sweep = new NativeSweep(network, optimizer, nativeSettings);

      sweep.retainReference(); // outlives the scope, until close()
      return new Running(network, optimizer, sweep, threadState);
    } catch (NativeCoreException e) {
      threadState.restore();
      throw translated(e);
    } catch (RuntimeException | Error e) {
      threadState.restore();
      throw e;
    }
  }

  private static RuntimeException translated(NativeCoreException e) {
    return e.kind() == NativeCoreException.Kind.INVALID_ARGUMENT
        ? new IllegalArgumentException(e.getMessage(), e)
        : new EngineException(e.getMessage(), e);
  }

  private static final class Running implements EngineSweep {
    private static final Outcome[] OUTCOMES = Outcome.values();

    private final @Nullable Module network; // the core holds plain pointers to these two
    private final Optimizer optimizer;
    private final NativeSweep sweep;
    private final ThreadState threadState;
    private boolean restored;

    Running(
        @Nullable Module network, Optimizer optimizer, NativeSweep sweep, ThreadState threadState) {
      this.network = network;
      this.optimizer = optimizer;
      this.sweep = sweep;
      this.threadState = threadState;
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
    public void accumulate(Tensor loss) {
      requireRunning();
      try {
        sweep.accumulate(loss);
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
    public Outcome step(Tensor loss, double lr) {
      requireRunning();
      try {
        return OUTCOMES[sweep.step(loss, lr)];
      } catch (NativeCoreException e) {
        throw translated(e);
      }
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
      try (BytePointer device = sweep.device()) {
        return EngineInfo.of("native", device.getString());
      }
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
        throw new EngineException(
            "the model could not be restored and is not as it was: " + e.getMessage(), e);
      } finally {
        threadState.restore();
        Reference.reachabilityFence(network);
        Reference.reachabilityFence(optimizer);
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
}

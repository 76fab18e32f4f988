package org.lrfinder.engine;

import static org.lrfinder.engine.PortableModel.deviceOf;

import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
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
    try (PointerScope scope = new PointerScope()) {
      String device = PortableModel.check(network, optimizer);
      threadState.chooseForSweep(settings.threads(), optimizer);
      Optimizer copy = PortableModel.privateCopy(optimizer);
      PortableSnapshot snapshot = PortableSnapshot.take(network, optimizer);
      copy.retainReference(); // outlives the scope, until close()
      GradMode.set_enabled(true);
      return new Running(network, copy, settings, groupRatios, device, threadState, snapshot);
    }
  }

  /** The presets throw plain RuntimeExceptions, whose messages end in a C++ backtrace. */
  private static <T> T guarded(java.util.function.Supplier<T> call) {
    try {
      return call.get();
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw e;
    } catch (RuntimeException e) {
      String message = String.valueOf(e.getMessage());
      throw new EngineException(message.lines().findFirst().orElse(message), e);
    }
  }

  private static final class Running implements EngineSweep {
    private final @Nullable Module network;
    private final Optimizer copy;
    private final SweepSettings settings;
    private final List<Double> groupRatios;
    private final String device;
    private final ThreadState threadState;
    private final PortableSnapshot snapshot;
    private final LossTracker tracker;
    private double total;
    private boolean restored;

    Running(
        @Nullable Module network,
        Optimizer copy,
        SweepSettings settings,
        List<Double> groupRatios,
        String device,
        ThreadState threadState,
        PortableSnapshot snapshot) {
      this.network = network;
      this.copy = copy;
      this.settings = settings;
      this.groupRatios = groupRatios;
      this.device = device;
      this.threadState = threadState;
      this.snapshot = snapshot;
      this.tracker = new LossTracker(settings.smoothingBeta(), settings.earlyStopThreshold());
    }

    @Override
    public void accumulate(Batch batch, Loss loss) {
      inScope(
          () -> {
            add(forward(batch, loss));
            return null;
          });
    }

    @Override
    public void accumulate(Tensor loss) {
      inScope(
          () -> {
            add(loss);
            return null;
          });
    }

    @Override
    public Outcome step(Batch batch, Loss loss, double lr) {
      return inScope(() -> finish(forward(batch, loss), lr));
    }

    @Override
    public Outcome step(Tensor loss, double lr) {
      return inScope(() -> finish(loss, lr));
    }

    private <T> T inScope(java.util.function.Supplier<T> call) {
      if (restored) {
        throw new IllegalStateException("the sweep has ended: its model was restored");
      }
      return guarded(
          () -> {
            try (PointerScope scope = new PointerScope()) {
              GradMode.set_enabled(true);
              return call.get();
            }
          });
    }

    private Tensor forward(Batch batch, Loss loss) {
      if (!(network instanceof SequentialImpl sequential)) {
        throw new IllegalArgumentException(
            "only a SequentialImpl is forwarded natively: pass the loss instead");
      }
      for (Tensor tensor : List.of(batch.input(), batch.target())) {
        if (!deviceOf(tensor).equals(device)) {
          throw new IllegalArgumentException(
              "tensors on different devices: the network is on %s and the batch has a tensor on %s"
                  .formatted(device, deviceOf(tensor)));
        }
      }
      return PortableModel.loss(loss, sequential.forward(batch.input()), batch.target());
    }

    private void add(Tensor loss) {
      total += share(loss);
      if (Double.isFinite(total)) {
        backward(loss);
      }
    }

    private Outcome finish(Tensor loss, double lr) {
      double mean = total + share(loss);
      total = 0;
      if (!Double.isFinite(mean)) {
        return Outcome.NON_FINITE;
      }
      if (tracker.add(mean)) {
        return Outcome.DIVERGED;
      }
      backward(loss);
      OptimizerParamGroupVector groups = copy.param_groups();
      if (Double.isFinite(settings.gradientClipNorm())) {
        TensorVector all = new TensorVector();
        for (Tensor parameter : PortableModel.parameters(copy)) {
          all.push_back(parameter);
        }
        torch.clip_grad_norm_(all, settings.gradientClipNorm());
      }
      for (int i = 0; i < groupRatios.size(); i++) {
        groups.get(i).options().set_lr(lr * groupRatios.get(i));
      }
      copy.step();
      // Not by zero_grad, which cannot drop a gradient that is a view.
      for (Tensor parameter : PortableModel.parameters(copy)) {
        parameter.mutable_grad().put(new Tensor());
      }
      return Outcome.CONTINUE;
    }

    /** A micro-batch's part of the step's mean loss. */
    private double share(Tensor loss) {
      if (!loss.defined()) {
        throw new IllegalArgumentException("the loss is an undefined tensor");
      }
      if (loss.numel() != 1 || !torch.isFloatingType(loss.scalar_type())) {
        throw new IllegalArgumentException(
            "the loss must be one real number, not a tensor of shape %s and type %s"
                .formatted(PortableModel.shape(loss), loss.dtype().name().getString()));
      }
      if (!loss.requires_grad()) {
        throw new IllegalArgumentException(
            "the loss does not depend on any parameter that takes a gradient");
      }
      return loss.item_double() / settings.accumulateGradBatches();
    }

    private void backward(Tensor loss) {
      int microBatches = settings.accumulateGradBatches();
      (microBatches == 1 ? loss : loss.div(new Scalar((double) microBatches))).backward();
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
    public EngineInfo info() {
      return EngineInfo.of("portable", device);
    }

    @Override
    public void restore() {
      if (restored) {
        return;
      }
      restored = true;
      try (PointerScope scope = new PointerScope()) {
        snapshot.restore();
      } catch (RuntimeException e) {
        throw new EngineException(
            "the model could not be restored and is not as it was: " + e.getMessage(), e);
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
}

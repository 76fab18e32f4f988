package org.lrfinder.internal.engine;

import static org.lrfinder.internal.engine.PortableMicroBatches.guarded;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.SweepSettings;

/**
 * A plain Java loop over the presets' API: the reference for the native engine, and the fallback
 * without it.
 */
final class PortableEngine implements Engine {
  @Override
  public EngineSweep start(SweepSubject subject, SweepSettings settings, List<GroupRate> rates) {
    ThreadState threadState = ThreadState.capture();
    try {
      return guarded(() -> started(subject, settings, rates, threadState));
    } catch (RuntimeException | Error e) {
      threadState.restore();
      throw e;
    }
  }

  private static EngineSweep started(
      SweepSubject subject,
      SweepSettings settings,
      List<GroupRate> rates,
      ThreadState threadState) {
    List<PortableMicroBatches> microBatches =
        subject.parts().stream()
            .map(
                part ->
                    new PortableMicroBatches(
                        part, settings.accumulateGradBatches(), settings.precision()))
            .toList();
    MemoryNeed.of(subject, /* fused= */ false).check();
    threadState.choose(settings.threads(), subject.optimizers());
    List<SweptPart> parts = new ArrayList<>();
    int first = 0;
    for (int i = 0; i < microBatches.size(); i++) {
      SweepSubject.Part part = subject.parts().get(i);
      List<Optimizer> copies = part.optimizers().stream().map(PortableModel::privateCopy).toList();
      int groups = copies.stream().mapToInt(copy -> (int) copy.param_groups().size()).sum();
      parts.add(
          new SweptPart(
              microBatches.get(i), copies, rates.subList(first, first + groups), part.recorded()));
      first += groups;
    }
    PortableSnapshot snapshot = PortableSnapshot.take(subject);
    parts.forEach(part -> part.copies.forEach(Optimizer::retainReference)); // until close()
    GradMode.set_enabled(true);
    torch.setGraphExecutorOptimize(false); // it would learn from the sweep
    return new Sweep(parts, settings, threadState, snapshot);
  }

  /** A part of a running sweep; the rates are those of its optimizers' groups, one by one. */
  private record SweptPart(
      PortableMicroBatches microBatches,
      List<Optimizer> copies,
      List<GroupRate> rates,
      boolean recorded) {
    void update(double lr, SweepSettings settings) {
      microBatches.finish(copies);
      int group = 0;
      for (Optimizer copy : copies) {
        PortableMicroBatches.clipNorm(copy, settings.gradientClipNorm());
        PortableMicroBatches.clampValues(copy, settings.gradientClipValue());
        OptimizerParamGroupVector groups = copy.param_groups();
        for (int i = 0; i < groups.size(); i++) {
          groups.get(i).options().set_lr(rates.get(group++).at(lr));
        }
        PortableMicroBatches.update(copy);
      }
    }

    /** The parameters that its backward passes may reach. */
    TensorVector parameters() {
      TensorVector parameters = new TensorVector();
      PortableModel.byIdentity(PortableModel.parameters(copies)).values().stream()
          .filter(Tensor::requires_grad)
          .forEach(parameters::push_back);
      return parameters;
    }
  }

  @Override
  public EngineTraining train(
      @Nullable Module network, Optimizer optimizer, TrainingSettings settings) {
    return guarded(
        () -> {
          SweepSubject.Part part = new SweepSubject.Part(network, null, List.of(optimizer), true);
          PortableModel.requireSteppable(optimizer);
          PortableMicroBatches microBatches =
              new PortableMicroBatches(
                  part, settings.accumulateGradBatches(), settings.precision());
          ThreadState threadState = ThreadState.capture();
          try {
            threadState.choose(settings.threads(), part.optimizers());
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
      return Engines.info("portable", microBatches.device());
    }
  }

  private static final class Sweep extends Session implements EngineSweep {
    private final List<SweptPart> parts;
    private final SweepSettings settings;
    private final ThreadState threadState;
    private final PortableSnapshot snapshot;
    private final LossTracker tracker;
    private double stepLoss; // of the parts so far
    private boolean restored;

    Sweep(
        List<SweptPart> parts,
        SweepSettings settings,
        ThreadState threadState,
        PortableSnapshot snapshot) {
      super(parts.get(0).microBatches);
      this.parts = parts;
      this.settings = settings;
      this.threadState = threadState;
      this.snapshot = snapshot;
      this.tracker = LossTracker.of(settings);
    }

    @Override
    void requireOpen() {
      if (restored) {
        throw new IllegalStateException("the sweep has ended: its model was restored");
      }
    }

    @Override
    void add(Tensor loss) {
      add(loss, parts.get(0));
    }

    private void add(Tensor loss, SweptPart part) {
      if (Double.isFinite(part.microBatches.add(loss))) {
        backward(loss, part);
      }
    }

    /** What the gradients of several parts would leave on each other's parameters is not theirs. */
    private void backward(Tensor loss, SweptPart part) {
      if (parts.size() == 1) {
        part.microBatches.backward(loss);
      } else {
        part.microBatches.backward(loss, part.parameters());
      }
    }

    @Override
    public void accumulate(Tensor loss) {
      accumulate(loss, 0);
    }

    @Override
    public void accumulate(Tensor loss, int part) {
      withGradients(
          () -> {
            add(loss, parts.get(part));
            return true;
          });
    }

    @Override
    public Outcome step(Batch batch, Loss loss, double lr) {
      return withGradients(() -> step(microBatches.loss(batch, loss), lr, parts.get(0)));
    }

    @Override
    public Outcome step(Tensor loss, double lr, int part) {
      return withGradients(() -> step(loss, lr, parts.get(part)));
    }

    private Outcome step(Tensor loss, double lr, SweptPart part) {
      Outcome found = record(part.microBatches.add(loss), part);
      if (found == Outcome.CONTINUE) {
        backward(loss, part);
        part.update(lr, settings);
      }
      return found;
    }

    @Override
    public Outcome finish(double lr, int part) {
      return withGradients(
          () -> {
            SweptPart finished = parts.get(part);
            Outcome found = record(finished.microBatches.mean(), finished);
            if (found == Outcome.CONTINUE) {
              finished.update(lr, settings);
            }
            return found;
          });
    }

    /** Adds a part's loss to the step's, and the step's to the curve when it is complete. */
    private Outcome record(double mean, SweptPart part) {
      if (!Double.isFinite(mean)) {
        return Outcome.NON_FINITE;
      }
      if (part.recorded) {
        stepLoss += mean;
      }
      if (part != parts.get(parts.size() - 1)) {
        return Outcome.CONTINUE;
      }
      double loss = stepLoss;
      stepLoss = 0;
      return tracker.add(loss) ? Outcome.DIVERGED : Outcome.CONTINUE;
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
        parts.forEach(part -> part.copies.forEach(Optimizer::close));
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
      return withGradients(() -> addAndUpdate(microBatches.loss(batch, loss)));
    }

    @Override
    public double step(Tensor loss) {
      return withGradients(() -> addAndUpdate(loss));
    }

    @Override
    public double finish() {
      return withGradients(this::update);
    }

    private double addAndUpdate(Tensor loss) {
      add(loss);
      return update();
    }

    private double update() {
      double mean = microBatches.mean();
      microBatches.finish(List.of(optimizer));
      PortableMicroBatches.clipNorm(optimizer, gradientClipNorm);
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

package org.lrfinder.internal.engine;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.RunningLoss;
import org.lrfinder.sweep.SweepSettings;

/** A sweep of the portable engine: what {@code lrfinder::Sweep} is to the native one. */
final class PortableSweepSession extends PortableSession implements EngineSweep {
  /**
   * A loss with the private copies of the optimizers that lower it.
   *
   * @param groupRates of the copies' groups, one by one
   */
  record Part(
      PortableMicroBatches microBatches,
      List<Optimizer> copies,
      List<GroupRate> groupRates,
      boolean recorded) {
    private void update(double lr) {
      microBatches.finish(copies);
      int group = 0;
      for (Optimizer copy : copies) {
        OptimizerParamGroupVector groups = copy.param_groups();
        for (int i = 0; i < groups.size(); i++) {
          groups.get(i).options().set_lr(groupRates.get(group++).at(lr));
        }
        PortableMicroBatches.update(copy);
      }
    }

    /** The parameters that its backward passes may reach. */
    private TensorVector parameters() {
      TensorVector parameters = new TensorVector();
      ModelTensors.byIdentity(ModelTensors.parameters(copies)).values().stream()
          .filter(Tensor::requires_grad)
          .forEach(parameters::push_back);
      return parameters;
    }
  }

  private final List<Part> parts;
  private final PortableSnapshot snapshot;
  private final LossTracker tracker;
  private double stepLoss; // of the parts so far

  PortableSweepSession(
      List<Part> parts,
      SweepSettings settings,
      ThreadState threadState,
      PortableSnapshot snapshot,
      Optional<String> reason) {
    super(parts.get(0).microBatches, threadState, reason);
    this.parts = parts;
    this.snapshot = snapshot;
    this.tracker = LossTracker.of(settings);
  }

  @Override
  double add(Tensor loss, int part) {
    double mean = parts.get(part).microBatches.add(loss);
    if (Double.isFinite(mean)) {
      backward(loss, parts.get(part));
    }
    return mean;
  }

  /** What the gradients of several parts would leave on each other's parameters is not theirs. */
  private void backward(Tensor loss, Part part) {
    if (parts.size() == 1) {
      part.microBatches.backward(loss);
    } else {
      part.microBatches.backward(loss, part.parameters());
    }
  }

  @Override
  public Outcome step(Batch batch, Loss loss, double lr) {
    return withGradients(() -> step(microBatches.loss(batch, loss), lr, parts.get(0)));
  }

  @Override
  public Outcome step(Tensor loss, double lr, int part, double rows) {
    return withGradients(() -> step(loss, lr, parts.get(part)));
  }

  private Outcome step(Tensor loss, double lr, Part part) {
    Outcome found = record(part.microBatches.add(loss), part);
    if (found == Outcome.CONTINUE) {
      backward(loss, part);
      part.update(lr);
    }
    return found;
  }

  @Override
  public Outcome finish(double lr, int part) {
    return withGradients(
        () -> {
          Part finished = parts.get(part);
          Outcome found = record(finished.microBatches.mean(), finished);
          if (found == Outcome.CONTINUE) {
            finished.update(lr);
          }
          return found;
        });
  }

  @Override
  public void agree(Map<String, ?> settings, boolean validated) {
    throw notShared();
  }

  @Override
  public Outcome settle() {
    requireRunning();
    return Outcome.PENDING; // each loss was read in its step
  }

  /** Adds a part's loss to the step's, and the step's to the curve when it is complete. */
  private Outcome record(double mean, Part part) {
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
  public RunningLoss runningLoss() {
    return tracker;
  }

  @Override
  public void restore() {
    if (end()) {
      try (PointerScope scope = new PointerScope()) {
        snapshot.restore();
      } finally {
        threadState.restore();
      }
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

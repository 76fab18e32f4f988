package org.lrfinder.internal.engine;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;

/** A training of the portable engine: what {@code lrfinder::Training} is to the native one. */
final class PortableTrainingSession extends PortableSession implements EngineTraining {
  private final Optimizer optimizer;
  private double loss = Double.NaN; // of the last step

  PortableTrainingSession(
      PortableMicroBatches microBatches,
      Optimizer optimizer,
      ThreadState threadState,
      Optional<String> reason) {
    super(microBatches, threadState, reason);
    this.optimizer = optimizer;
  }

  @Override
  double add(Tensor loss, int part) {
    double mean = microBatches.add(loss);
    microBatches.backward(loss);
    return mean;
  }

  @Override
  public boolean step(Batch batch, Loss loss) {
    return withGradients(() -> addAndUpdate(microBatches.loss(batch, loss)));
  }

  @Override
  public boolean step(Tensor loss, double rows) {
    return withGradients(() -> addAndUpdate(loss));
  }

  @Override
  public boolean finish() {
    return withGradients(this::update);
  }

  private boolean addAndUpdate(Tensor loss) {
    add(loss, 0);
    return update();
  }

  private boolean update() {
    double mean = microBatches.mean();
    microBatches.finish(List.of(optimizer));
    PortableMicroBatches.update(optimizer);
    loss = mean;
    return true;
  }

  @Override
  public void agree(Map<String, ?> settings, boolean begins) {
    throw notShared();
  }

  @Override
  public @Nullable EndReason ending() {
    return null;
  }

  @Override
  public boolean settle() {
    return false; // each loss was read in its step
  }

  @Override
  public double loss() {
    requireRunning();
    return loss;
  }

  @Override
  public void close() {
    if (end()) {
      threadState.restore();
    }
  }
}

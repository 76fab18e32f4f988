package org.lrfinder.internal.engine;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.nativecore.NativeTraining;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;

/** {@code lrfinder::Training} behind the engines' interface. */
final class NativeTrainingSession extends NativeSession<NativeTraining> implements EngineTraining {
  NativeTrainingSession(
      NativeTraining training,
      SweepSubject.Part part,
      ThreadState threadState,
      Precision precision,
      ReplayMode replay) {
    super(training, training.device(), part, threadState, precision, replay);
  }

  @Override
  public void accumulate(Batch batch, Loss loss) {
    ofBatch((on, x, y, kind, lr) -> on.accumulate(x, y, kind), batch, loss, 0);
  }

  @Override
  public void accumulate(Tensor loss, int part) {
    ofLoss((on, given, lr, only) -> on.accumulate(given), loss, 0, part);
  }

  @Override
  public double step(Batch batch, Loss loss) {
    return ofBatch((on, x, y, kind, lr) -> on.step(x, y, kind), batch, loss, 0);
  }

  @Override
  public double step(Tensor loss) {
    return ofLoss((on, given, lr, part) -> on.step(given), loss, 0, 0);
  }

  @Override
  public double finish() {
    return ofLoss((on, none, lr, part) -> on.finish(), null, 0, 0);
  }

  @Override
  public double evaluate(Batch batch, Loss loss) {
    return ofBatch((on, x, y, kind, lr) -> on.evaluate(x, y, kind), batch, loss, 0);
  }

  @Override
  boolean replay(Tensor input, Tensor target, int part) {
    return core.replay(input, target);
  }

  @Override
  void abandonInCore(int part) {
    core.abandon();
  }

  @Override
  long replayedSteps() {
    return core.replayed_steps();
  }

  @Override
  BytePointer notReplayedBecause() {
    return core.not_replayed_because();
  }

  @Override
  public void close() {
    if (end()) {
      release();
      core.close();
    }
  }
}

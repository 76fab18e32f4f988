package org.lrfinder.internal.engine;

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
      Precision precision) {
    super(training, training.device(), part, threadState, precision, "the training has ended");
  }

  @Override
  public void accumulate(Batch batch, Loss loss) {
    ofBatch(
        (training, input, target, kind, lr) -> {
          training.accumulate(input, target, kind);
          return 0;
        },
        batch,
        loss,
        0);
  }

  @Override
  public void accumulate(Tensor loss, int part) {
    ofLoss(
        (training, given, lr, only) -> {
          training.accumulate(given);
          return 0;
        },
        loss,
        0,
        part);
  }

  @Override
  public double step(Batch batch, Loss loss) {
    return ofBatch(
        (training, input, target, kind, lr) -> training.step(input, target, kind), batch, loss, 0);
  }

  @Override
  public double step(Tensor loss) {
    return ofLoss((training, given, lr, part) -> training.step(given), loss, 0, 0);
  }

  @Override
  public double finish() {
    return ofLoss((training, none, lr, part) -> training.finish(), null, 0, 0);
  }

  @Override
  public double evaluate(Batch batch, Loss loss) {
    return ofBatch(
        (training, input, target, kind, lr) -> training.evaluate(input, target, kind),
        batch,
        loss,
        0);
  }

  @Override
  public void close() {
    if (end()) {
      release();
      core.close();
    }
  }
}

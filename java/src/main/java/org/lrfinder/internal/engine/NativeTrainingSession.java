package org.lrfinder.internal.engine;

import java.nio.DoubleBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.nativecore.NativeTraining;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;

/** {@code lrfinder::Training} behind the engines' interface. */
final class NativeTrainingSession extends NativeSession<NativeTraining> implements EngineTraining {
  private final DoubleBuffer
      loss; // the core's own memory until the training is closed: no crossing

  NativeTrainingSession(
      NativeTraining training,
      SweepSubject.Part part,
      ThreadState threadState,
      Precision precision,
      ReplayMode replay) {
    super(training, training.device(), part, threadState, precision, replay);
    this.loss = training.loss().capacity(1).asBuffer();
  }

  @Override
  public void accumulate(Batch batch, Loss loss) {
    ofBatch(
        (on, x, y, kind, lr) -> {
          on.accumulate(x, y, kind);
          return 0;
        },
        batch,
        loss,
        0);
  }

  @Override
  public void accumulate(Tensor loss, int part) {
    ofLoss(
        (on, given, lr, only) -> {
          on.accumulate(given);
          return 0;
        },
        loss,
        0,
        part);
  }

  @Override
  public boolean step(Batch batch, Loss loss) {
    return isTrue(ofBatch((on, x, y, kind, lr) -> number(on.step(x, y, kind)), batch, loss, 0));
  }

  @Override
  public boolean step(Tensor loss) {
    return isTrue(ofLoss((on, given, lr, part) -> number(on.step(given)), loss, 0, 0));
  }

  @Override
  public boolean finish() {
    return isTrue(ofLoss((on, none, lr, part) -> number(on.finish()), null, 0, 0));
  }

  @Override
  public boolean settle() {
    return isTrue(ofLoss((on, none, lr, part) -> number(on.settle()), null, 0, 0));
  }

  @Override
  public double loss() {
    requireRunning();
    return loss.get(0);
  }

  private static double number(boolean known) {
    return known ? 1 : 0;
  }

  private static boolean isTrue(double number) {
    return number != 0;
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
  BytePointer path() {
    return core.path();
  }

  @Override
  @Nullable BytePointer pathReason() {
    return core.path_reason();
  }

  @Override
  public void close() {
    if (end()) {
      release();
      core.close();
    }
  }
}

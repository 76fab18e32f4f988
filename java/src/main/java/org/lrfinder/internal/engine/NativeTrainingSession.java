package org.lrfinder.internal.engine;

import java.nio.DoubleBuffer;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.nativecore.NativeTraining;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;

/** {@code lrfinder::Training} behind the engines' interface. */
final class NativeTrainingSession extends NativeSession<NativeTraining> implements EngineTraining {
  private final DoubleBuffer
      progress; // the core's own memory until the training is closed: no crossing

  NativeTrainingSession(
      NativeTraining training,
      SweepSubject.Part part,
      ThreadState threadState,
      Precision precision,
      ReplayMode replay,
      @Nullable Peers peers) {
    super(training, training.device(), part, threadState, precision, replay, peers);
    this.progress = training.progress().capacity(2).asBuffer();
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
  public void accumulate(Tensor loss, int part, double rows) {
    ofLoss(
        (on, given, lr, only, weight) -> {
          on.accumulate(given, weight);
          return 0;
        },
        loss,
        0,
        part,
        rows);
  }

  @Override
  public boolean step(Batch batch, Loss loss) {
    return isTrue(ofBatch((on, x, y, kind, lr) -> number(on.step(x, y, kind)), batch, loss, 0));
  }

  @Override
  public boolean step(Tensor loss, double rows) {
    return isTrue(
        ofLoss((on, given, lr, part, weight) -> number(on.step(given, weight)), loss, 0, 0, rows));
  }

  @Override
  public boolean finish() {
    return isTrue(ofLoss((on, none, lr, part, rows) -> number(on.finish()), null, 0, 0, 0));
  }

  @Override
  public boolean settle() {
    return isTrue(ofLoss((on, none, lr, part, rows) -> number(on.settle()), null, 0, 0, 0));
  }

  @Override
  public double loss() {
    requireRunning();
    return progress.get(0);
  }

  @Override
  public @Nullable EndReason ending() {
    requireRunning();
    return switch ((int) progress.get(1)) {
      case 0 -> null;
      case 1 -> EndReason.DATA_EXHAUSTED;
      case 2 -> EndReason.TIME_LIMIT;
      default -> EndReason.CANCELLED;
    };
  }

  @Override
  public void agree(Map<String, ?> settings, boolean begins) {
    together(
        (on, others) -> {
          on.agree(Peers.lines(settings), others.broadcasts() && begins);
          return 0;
        });
  }

  @Override
  public void end(EndReason reason) {
    together(
        (on, others) -> {
          on.end(ending(reason));
          return 0;
        });
  }

  @Override
  public double average(double total, double weight) {
    return isShared() ? together((on, others) -> on.average(total, weight)) : total / weight;
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

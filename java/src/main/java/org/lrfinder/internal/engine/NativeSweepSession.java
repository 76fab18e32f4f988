package org.lrfinder.internal.engine;

import java.nio.DoubleBuffer;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.internal.nativecore.NativeCoreException;
import org.lrfinder.internal.nativecore.NativeSweep;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;
import org.lrfinder.sweep.RunningLoss;

/** {@code lrfinder::Sweep} behind the engines' interface. */
final class NativeSweepSession extends NativeSession<NativeSweep> implements EngineSweep {
  private static final Outcome[] OUTCOMES = Outcome.values();

  /** The core's three numbers, read where they lie: no crossing. */
  private static final class CoreRunningLoss implements RunningLoss {
    private DoubleBuffer values; // the core's own memory until the sweep is closed

    CoreRunningLoss(DoublePointer values) {
      this.values = values.capacity(3).asBuffer();
    }

    void detach() {
      values = DoubleBuffer.allocate(3).put(values.duplicate()).flip();
    }

    @Override
    public double last() {
      return values.get(0);
    }

    @Override
    public double smoothed() {
      return values.get(1);
    }

    @Override
    public double best() {
      return values.get(2);
    }
  }

  private final CoreRunningLoss runningLoss;

  NativeSweepSession(
      NativeSweep sweep,
      SweepSubject subject,
      ThreadState threadState,
      Precision precision,
      ReplayMode replay,
      @Nullable Peers peers) {
    super(sweep, sweep.device(), subject, threadState, precision, replay, peers);
    this.runningLoss = new CoreRunningLoss(sweep.running_loss());
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
        (on, given, lr, index, weight) -> {
          on.accumulate(given, index, weight);
          return 0;
        },
        loss,
        0,
        part,
        rows);
  }

  @Override
  public Outcome step(Batch batch, Loss loss, double lr) {
    return OUTCOMES[(int) ofBatch(NativeSweep::step, batch, loss, lr)];
  }

  @Override
  public Outcome step(Tensor loss, double lr, int part, double rows) {
    return OUTCOMES[(int) ofLoss(NativeSweep::step, loss, lr, part, rows)];
  }

  @Override
  public Outcome finish(double lr, int part) {
    return OUTCOMES[
        (int) ofLoss((on, none, rate, index, rows) -> on.finish(rate, index), null, lr, part, 0)];
  }

  @Override
  public Outcome settle() {
    return OUTCOMES[(int) ofLoss((on, none, lr, part, rows) -> on.settle(), null, 0, 0, 0)];
  }

  @Override
  public double evaluate(Batch batch, Loss loss) {
    return ofBatch((on, x, y, kind, lr) -> on.evaluate(x, y, kind), batch, loss, 0);
  }

  @Override
  public void agree(Map<String, ?> settings, boolean validated) {
    together(
        (on, others) -> {
          on.agree(Peers.lines(settings), others.broadcasts(), validated);
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

  @Override
  boolean replay(Tensor input, Tensor target, int part) {
    return core.replay(input, target, part);
  }

  @Override
  void abandonInCore(int part) {
    core.abandon(part);
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
  public RunningLoss runningLoss() {
    return runningLoss;
  }

  @Override
  public void restore() {
    if (end()) {
      try {
        core.restore();
      } catch (NativeCoreException e) {
        throw new RestoreException(e);
      } finally {
        release();
      }
    }
  }

  @Override
  public void close() {
    try {
      restore();
    } finally {
      runningLoss.detach();
      core.close();
    }
  }
}

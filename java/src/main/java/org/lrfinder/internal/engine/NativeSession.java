package org.lrfinder.internal.engine;

import java.lang.ref.Reference;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.PeerException;
import org.lrfinder.engine.Replay;
import org.lrfinder.internal.nativecore.NativeCoreException;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;

/**
 * What the native engine's sweeps and trainings have in common.
 *
 * @param <P> the core's object
 */
abstract sealed class NativeSession<P extends Pointer> extends Session
    permits NativeSweepSession, NativeTrainingSession {
  /** A call of the core with a batch. One that captures nothing is made once, not in each step. */
  interface BatchCall<P> {
    double of(P core, Tensor input, Tensor target, int loss, double lr);
  }

  /** The same with a loss that the caller computed; null for a step's end. */
  interface LossCall<P> {
    double of(P core, @Nullable Tensor loss, double lr, int part, double rows);
  }

  final P core;
  private final Object model; // the core holds plain pointers into it
  private final Precision precision;
  private final String device;
  private final Optional<DeviceInfo> hardware;
  private final ReplayMode replay;
  final @Nullable Peers peers;
  private @Nullable String refused; // why the caller's losses are not replayed

  NativeSession(
      P core,
      BytePointer device,
      Object model,
      ThreadState threadState,
      Precision precision,
      ReplayMode replay,
      @Nullable Peers peers) {
    super(threadState);
    this.core = core;
    this.model = model;
    this.precision = precision;
    this.replay = replay;
    this.peers = peers;
    try (device) {
      this.device = device.getString();
    }
    this.hardware = Devices.info(this.device);
  }

  /** What the engines' interface promises, made of what the core says. */
  static RuntimeException translated(NativeCoreException e) {
    String message = String.valueOf(e.getMessage());
    return switch (e.kind()) {
      case INVALID_ARGUMENT -> new IllegalArgumentException(message, e);
      case OUT_OF_MEMORY -> MemoryNeed.exhausted(message, e);
      case FAILURE -> new EngineException(message, e);
      case PEER -> new PeerException(message, e);
    };
  }

  /** A batch that lies elsewhere is refused in the words of both engines. */
  private RuntimeException translated(NativeCoreException e, Batch batch) {
    if (peers != null && e.kind() == NativeCoreException.Kind.PEER) {
      return peers.translated(e);
    }
    if (e.kind() == NativeCoreException.Kind.INVALID_ARGUMENT) {
      ModelTensors.requireOn(device, batch);
    }
    return translated(e);
  }

  final double ofBatch(BatchCall<P> call, Batch batch, Loss loss, double lr) {
    requireRunning();
    try {
      threadState.sees(batch.input());
      return call.of(core, batch.input(), batch.target(), loss.ordinal(), lr);
    } catch (NativeCoreException e) {
      throw translated(e, batch);
    }
  }

  final double ofLoss(LossCall<P> call, @Nullable Tensor loss, double lr, int part, double rows) {
    requireRunning();
    try {
      return call.of(core, loss, lr, part, rows);
    } catch (NativeCoreException e) {
      RuntimeException failure = peers == null ? translated(e) : peers.translated(e);
      abandon(part); // a recording of a loss that was refused
      throw failure;
    }
  }

  /** A call of the core that has to do with other processes. */
  interface SharedCall<P> {
    double of(P core, Peers peers);
  }

  final double together(SharedCall<P> call) {
    requireRunning();
    if (peers == null) {
      throw new IllegalStateException("this process is alone");
    }
    try {
      return call.of(core, peers);
    } catch (NativeCoreException e) {
      throw peers.translated(e);
    }
  }

  abstract boolean replay(Tensor input, Tensor target, int part);

  abstract void abandonInCore(int part);

  abstract long replayedSteps();

  abstract BytePointer notReplayedBecause();

  abstract BytePointer path();

  /** JavaCPP makes null of an empty text. */
  abstract @Nullable BytePointer pathReason();

  @Override
  public final boolean replay(Object batch, int part) {
    requireRunning();
    if (batch instanceof Batch tensors && !tensors.input().isNull()) {
      threadState.sees(tensors.input());
    }
    if (replay == ReplayMode.NEVER) {
      return false;
    }
    if (replay == ReplayMode.KNOWN_MODELS) {
      refused = "the loss is computed by the caller, who has not declared the model static";
      return false;
    }
    if (batch instanceof Batch tensors) {
      return replayOpen(tensors.input(), tensors.target(), part);
    }
    if (batch instanceof Tensor tensor) {
      return replayOpen(tensor, tensor, part);
    }
    if (refused == null) {
      refused =
          "a batch is of %s, but only one of type Batch or Tensor can be replayed"
              .formatted(batch.getClass().getName());
    }
    return false;
  }

  /** Of closed tensors the caller's own code says what is wrong. */
  private boolean replayOpen(Tensor input, Tensor target, int part) {
    if (input.isNull() || target.isNull()) {
      return false;
    }
    try {
      return replay(input, target, part);
    } catch (NativeCoreException e) {
      throw translated(e);
    }
  }

  @Override
  public final void abandon(int part) {
    if (replay == ReplayMode.DECLARED_STATIC) {
      try {
        abandonInCore(part);
      } catch (NativeCoreException e) {
        throw translated(e);
      }
    }
  }

  @Override
  public final Replay replay() {
    try (BytePointer reason = notReplayedBecause()) {
      return Replay.of(replayedSteps(), refused == null ? reason.getString() : refused);
    }
  }

  /** To be called once, when the core is done with the model. */
  final void release() {
    threadState.restore();
    Reference.reachabilityFence(model);
  }

  @Override
  public final boolean isShared() {
    return peers != null;
  }

  @Override
  public final double rows(Object batch) {
    if (peers == null) {
      return 1;
    }
    Tensor rows = batch instanceof Batch tensors ? tensors.input() : null;
    if (batch instanceof Tensor tensor) {
      rows = tensor;
    }
    return rows == null || rows.isNull() || rows.dim() == 0 ? 1 : rows.size(0);
  }

  /** As the core numbers them. */
  static int ending(EndReason reason) {
    return switch (reason) {
      case DATA_EXHAUSTED -> 1;
      case TIME_LIMIT -> 2;
      case CANCELLED -> 3;
      default -> throw new IllegalArgumentException(reason + " is no end of one process alone");
    };
  }

  @Override
  public final Autocast autocast() {
    return Autocast.of(precision, device);
  }

  @Override
  public final EngineInfo info() {
    try (BytePointer path = path();
        BytePointer reason = pathReason()) {
      String words = reason == null ? "" : reason.getString();
      return Engines.info("native", Optional.empty(), device, path.getString(), words, hardware);
    }
  }
}

package org.lrfinder.internal.engine;

import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;

/** What the portable engine's sweeps and trainings have in common. */
abstract sealed class PortableSession extends Session
    permits PortableSweepSession, PortableTrainingSession {
  final PortableMicroBatches microBatches; // of the first part
  private final Optional<String> reason;
  private final Optional<DeviceInfo> hardware;

  /**
   * Starts a session.
   *
   * @param reason why it is not the native engine's; empty if that was not asked for
   */
  PortableSession(
      PortableMicroBatches microBatches, ThreadState threadState, Optional<String> reason) {
    super(threadState);
    this.reason = reason;
    this.microBatches = microBatches;
    this.hardware = Devices.info(microBatches.device());
  }

  /**
   * Runs a call in a scope. The presets throw plain RuntimeExceptions, whose messages end in a C++
   * backtrace.
   */
  static <T> T guarded(Supplier<T> call) {
    try (PointerScope scope = new PointerScope()) {
      return call.get();
    } catch (IllegalArgumentException | IllegalStateException | EngineException e) {
      throw e;
    } catch (RuntimeException e) {
      String message = String.valueOf(e.getMessage());
      String line = message.lines().findFirst().orElse(message);
      throw MemoryNeed.isExhausted(message)
          ? MemoryNeed.exhausted(line, e)
          : new EngineException(line, e);
    }
  }

  final <T> T withGradients(Supplier<T> call) {
    requireRunning();
    try (GradRegion region = GradRegion.enabled()) {
      return guarded(call);
    }
  }

  /** Adds the gradients of a part's micro-batch; returns the mean loss of the step so far. */
  abstract double add(Tensor loss, int part);

  @Override
  public final void accumulate(Batch batch, Loss loss) {
    withGradients(() -> add(microBatches.loss(batch, loss), 0));
  }

  @Override
  public final void accumulate(Tensor loss, int part, double rows) {
    withGradients(() -> add(loss, part));
  }

  @Override
  public final double evaluate(Batch batch, Loss loss) {
    requireRunning();
    return guarded(() -> microBatches.evaluate(batch, loss));
  }

  @Override
  public final boolean replay(Object batch, int part) {
    return false;
  }

  @Override
  public final void abandon(int part) {
    // Nothing was recorded.
  }

  @Override
  public final boolean isShared() {
    return false;
  }

  @Override
  public final double rows(Object batch) {
    return 1;
  }

  @Override
  public final void end(EndReason reason) {
    throw notShared();
  }

  static IllegalStateException notShared() {
    return new IllegalStateException("the portable engine serves one process alone");
  }

  @Override
  public final double average(double total, double weight) {
    return total / weight;
  }

  @Override
  public final Replay replay() {
    return Replay.of(0, "the portable engine does not replay");
  }

  @Override
  public final Autocast autocast() {
    return microBatches.autocast();
  }

  @Override
  public final EngineInfo info() {
    String device = microBatches.device();
    String pathReason = device.equals("cpu") ? "" : "the portable engine reads each step's loss";
    return Engines.info("portable", reason, device, "immediate", pathReason, hardware);
  }
}

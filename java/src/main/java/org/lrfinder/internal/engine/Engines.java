package org.lrfinder.internal.engine;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.data.RowCutter;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.internal.nativecore.NativeCore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the engine for a choice. */
public final class Engines {
  private static final Logger LOG = LoggerFactory.getLogger(Engines.class);
  private static final AtomicBoolean WARNED = new AtomicBoolean();

  private Engines() {}

  /**
   * Finds an engine. Thread-safe. The first fallback from {@link EngineChoice#AUTO} to the portable
   * engine is logged as a warning.
   *
   * @throws UnsatisfiedLinkError if the native engine was asked for and cannot be loaded; the
   *     message says why
   */
  public static Engine of(EngineChoice choice) {
    return switch (choice) {
      case NATIVE -> {
        NativeCore.load();
        yield new NativeEngine();
      }
      case PORTABLE -> new PortableEngine();
      case AUTO -> auto();
    };
  }

  /**
   * Chooses what cuts the batches of a data set: the engine where nobody else looks at them.
   *
   * @param choice looked for when the first walk begins
   * @param objectives of the steps that the batches are for
   */
  public static RowCutter.Factory cutters(
      EngineChoice choice, List<? extends Objective<?>> objectives) {
    return objectives.stream().allMatch(Objective.Native.class::isInstance)
        ? (inputs, targets, batchSize, order) ->
            of(choice).cutter(inputs, targets, batchSize, order)
        : RowCutter::ofOperators;
  }

  private static Engine auto() {
    try {
      return of(EngineChoice.NATIVE);
    } catch (UnsatisfiedLinkError e) {
      if (WARNED.compareAndSet(false, true)) {
        LOG.warn("Using the portable engine, which is slower: {}", e.getMessage());
      }
      return of(EngineChoice.PORTABLE);
    }
  }

  /** What computes a session that runs on this thread now. */
  static EngineInfo info(
      String engine, String device, String path, String pathReason, Optional<DeviceInfo> hardware) {
    return new EngineInfo(
        engine,
        device,
        torch.get_num_threads(),
        Blas.inUse().words(),
        NativeCore.libtorchVersion(),
        path,
        pathReason.isEmpty() ? Optional.empty() : Optional.of(pathReason),
        hardware);
  }
}

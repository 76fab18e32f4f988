package org.lrfinder.internal.engine;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
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
  private static final AtomicBoolean WARNED = new AtomicBoolean(); // of a fallback
  private static final AtomicBoolean SAID = new AtomicBoolean(); // what was amiss when loading

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
        if (SAID.compareAndSet(false, true)) {
          NativeCore.warnings().forEach(LOG::warn);
        }
        yield new NativeEngine();
      }
      case PORTABLE -> new PortableEngine(Optional.empty());
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
      return new PortableEngine(Optional.of(e.getMessage()));
    }
  }

  /**
   * Says what users of a result should know of what computed it, who may see no log.
   *
   * @return the reason for a fallback, and what would be faster, in words
   */
  public static List<String> warnings(EngineInfo engine) {
    Stream<String> fallback =
        engine.engineReason().stream()
            .map(reason -> "the portable engine was used, which is slower: " + reason);
    Stream<String> blas =
        engine.device().equals("cpu") ? Blas.inUse().advice().stream() : Stream.empty();
    return Stream.concat(fallback, blas).toList();
  }

  /** {@return what was amiss and did not keep the native engine from loading, in words} */
  public static List<String> loadWarnings() {
    return NativeCore.warnings();
  }

  /** {@return why a library did not load, and what to do, in words; else what the error says} */
  public static String explained(LinkageError failure) {
    return isOfALibrary(failure)
        ? NativeCore.explained(failure).getMessage()
        : String.valueOf(failure.getMessage());
  }

  /** Later uses of a class whose library did not load say so in their cause alone. */
  private static boolean isOfALibrary(Throwable failure) {
    return failure instanceof UnsatisfiedLinkError
        || String.valueOf(failure.getMessage()).contains("UnsatisfiedLinkError")
        || failure.getCause() != null && isOfALibrary(failure.getCause());
  }

  /** What computes a session that runs on this thread now. */
  static EngineInfo info(
      String engine,
      Optional<String> engineReason,
      String device,
      String path,
      String pathReason,
      Optional<DeviceInfo> hardware) {
    return new EngineInfo(
        engine,
        engineReason,
        device,
        torch.get_num_threads(),
        Blas.inUse().words(),
        NativeCore.libtorchVersion(),
        path,
        pathReason.isEmpty() ? Optional.empty() : Optional.of(pathReason),
        hardware);
  }
}

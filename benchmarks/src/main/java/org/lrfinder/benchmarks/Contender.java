package org.lrfinder.benchmarks;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.lrfinder.LrFinder;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.nativecore.NativeCore;
import org.lrfinder.sweep.Loss;

/**
 * One way to do a sweep.
 *
 * @param name as in the tables
 * @param sweep does a whole sweep, leaves the network as it was, and returns the losses; the same
 *     each time
 */
record Contender(String name, Supplier<double[]> sweep) {
  /** The contenders that this build has; {@code missing} hears of the others. */
  static List<Contender> all(Workload workload, Consumer<String> missing) {
    List<Contender> contenders = new ArrayList<>();
    try {
      NativeCore.load();
      contenders.add(finder(EngineChoice.NATIVE, workload));
    } catch (UnsatisfiedLinkError e) {
      missing.accept("native is left out: " + e.getMessage());
    }
    contenders.add(finder(EngineChoice.PORTABLE, workload));
    contenders.add(new Contender("naive", new NaiveLoop(workload)));
    if (Files.exists(BareLoop.LIBRARY)) {
      contenders.add(new Contender("bare", new BareLoop(workload)));
    } else {
      missing.accept(
          "bare is left out: it was not built, which takes what the native engine takes");
    }
    return List.copyOf(contenders);
  }

  static Contender finder(EngineChoice engine, Workload workload) {
    SequentialImpl network = workload.network();
    Adam optimizer = new Adam(network.parameters(), new AdamOptions());
    LrFinder finder = workload.finder(engine);
    return new Contender(
        engine.name().toLowerCase(Locale.ROOT),
        () ->
            finder
                .find(network, optimizer, Loss.CROSS_ENTROPY, workload.batches())
                .results()
                .losses());
  }
}

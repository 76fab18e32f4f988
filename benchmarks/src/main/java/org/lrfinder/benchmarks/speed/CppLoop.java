package org.lrfinder.benchmarks.speed;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/** A loop in {@code native/loops.cpp}, entered once for a sweep or an epoch. */
final class CppLoop extends JvmContender {
  /** Beside the classes or the jar; absent if it was not built. */
  static final Path LIBRARY = library();

  private static final double LR = 1e-3;

  private final int batchesPerEpoch;
  private final long loop;

  private CppLoop(String name, boolean bare, Workload workload) {
    super(name);
    System.load(LIBRARY.toString()); // needs libtorch, which was loaded for the workload
    batchesPerEpoch = workload.batchesPerEpoch();
    loop =
        create(
            bare,
            workload.subject().network().name(),
            workload.subject().optimizer().toString(),
            workload.weights().stream().mapToLong(Tensor::address).toArray(),
            workload.inputs().address(),
            workload.targets().address(),
            workload.subject().batchSize(),
            workload.shuffled());
  }

  static CppLoop plain(Workload workload) {
    return new CppLoop(Contenders.PLAIN, false, workload);
  }

  static CppLoop bare(Workload workload) {
    return new CppLoop(Contenders.BARE, true, workload);
  }

  private static Path library() {
    try {
      Path classes =
          Path.of(CppLoop.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      return classes.resolveSibling("cmake").resolve("libcpploops.so");
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  double[] swept(double[] rates) {
    return run(loop, rates, true);
  }

  @Override
  double[] trained() {
    double[] rates = new double[batchesPerEpoch];
    Arrays.fill(rates, LR);
    return run(loop, rates, false);
  }

  private static native long create(
      boolean bare,
      String network,
      String optimizer,
      long[] weights,
      long inputs,
      long targets,
      int batchSize,
      boolean shuffled);

  private static native double[] run(long loop, double[] rates, boolean restored);
}

package org.lrfinder.benchmarks;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;

/** The loop in {@code native/bare_loop.cpp}, which says what it includes. */
final class BareLoop implements Supplier<double[]> {
  /** Beside the classes or the jar; absent if it was not built. */
  static final Path LIBRARY = library();

  private final long loop;

  BareLoop(Workload workload) {
    System.load(LIBRARY.toString()); // needs libtorch, which was loaded for the workload
    List<Batch> batches = workload.batches();
    loop =
        create(
            addresses(workload.weights()),
            addresses(batches.stream().map(Batch::input).toList()),
            addresses(batches.stream().map(Batch::target).toList()),
            workload.rates());
  }

  private static Path library() {
    try {
      Path classes =
          Path.of(BareLoop.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      return classes.resolveSibling("cmake").resolve("libbareloop.so");
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static long[] addresses(List<Tensor> tensors) {
    return tensors.stream().mapToLong(Tensor::address).toArray();
  }

  @Override
  public double[] get() {
    return run(loop);
  }

  private static native long create(long[] weights, long[] inputs, long[] targets, double[] rates);

  private static native double[] run(long loop);
}

package org.lrfinder.benchmarks.speed;

import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.internal.models.OptimizerKind;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What JMH's benchmarks can be asked to do, and how often they do it: these annotations are
 * inherited.
 */
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public abstract class BenchmarkCase {
  /** As {@link Speed} has them; a multilayer perceptron may be any. */
  @Param("1x64")
  public String network = "";

  /** Rows in a batch. */
  @Param("32")
  public int batch;

  /** Of libtorch and BLAS; 0 leaves them at their defaults. */
  @Param("1")
  public int threads;

  /** Sets the thread counts and makes the data of an epoch. */
  final Workload workload(int batches) {
    if (threads > 0) {
      torch.set_num_threads(threads);
      openblas_nolapack.blas_set_num_threads(threads);
    }
    Case subject = new Case(NetworkShape.of(network), OptimizerKind.ADAM, batch, batches);
    return Workload.of(subject, true);
  }
}

package org.lrfinder.benchmarks;

import java.util.concurrent.TimeUnit;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.engine.EngineChoice;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Run by {@code java -jar benchmarks/target/benchmarks.jar SweepBenchmark}.
 *
 * <p>Time of a step in a sweep of 100 over a 64-64-10 network with Adam and batches of 32, on one
 * thread; the sweep's start and end are shared among its steps. To compare with other ways to do
 * the same, see {@link Compare}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class SweepBenchmark {
  private static final int HIDDEN = 64;
  private static final int STEPS = 100;

  /** Which engine computes the steps. */
  @Param({"NATIVE", "PORTABLE"})
  public EngineChoice engine;

  private Contender contender;

  /** Called by JMH. */
  @Setup(Level.Trial)
  public void prepare() {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
    contender = Contender.finder(engine, Workload.of(HIDDEN, STEPS));
  }

  /** {@return the losses} */
  @Benchmark
  @OperationsPerInvocation(STEPS)
  public double[] sweep() {
    return contender.sweep().get();
  }
}

package org.lrfinder.benchmarks.speed;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Run by {@code java -jar benchmarks/target/benchmarks.jar StepBenchmark}.
 *
 * <p>A step of a sweep by the library's engines, from asking for a batch to the loss in Java: of a
 * sweep that goes on and on, so that neither start nor end, nor what rules make of the curve, is in
 * the time or in what {@code -prof gc} counts.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class StepBenchmark extends BenchmarkCase {
  private static final int BATCHES = 64; // after which the rows come in another order

  /** Which engine does it. */
  @Param({Contenders.NATIVE, Contenders.AUTOGRAD, Contenders.PORTABLE})
  public String contender = "";

  private Library.OpenSweep sweep;

  /** Called by JMH. */
  @Setup(Level.Trial)
  public void start() {
    sweep = Contenders.library(contender, workload(BATCHES)).open();
  }

  /** Called by JMH. */
  @TearDown(Level.Trial)
  public void restore() {
    sweep.close();
  }

  /** {@return the step's loss} */
  @Benchmark
  public double step() {
    return sweep.step();
  }
}

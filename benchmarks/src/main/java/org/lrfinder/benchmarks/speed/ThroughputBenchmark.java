package org.lrfinder.benchmarks.speed;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Run by {@code java -jar benchmarks/target/benchmarks.jar ThroughputBenchmark}.
 *
 * <p>Steps and samples a second, each contender alone in a process: of sweeps, whose start and end
 * are shared among their steps, and of epochs of training. To compare contenders, see {@link
 * Speed}, whose rounds share what slows the machine down.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class ThroughputBenchmark extends BenchmarkCase {
  private static final int STEPS = 64; // of a sweep, and batches of an epoch

  /** Who does it. */
  @Param({
    Contenders.NATIVE,
    Contenders.AUTOGRAD,
    Contenders.PORTABLE,
    Contenders.NAIVE,
    Contenders.PLAIN,
    Contenders.BARE
  })
  public String contender = "";

  private JvmContender trained;

  /** Counted beside the steps. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Count {
    /** Rows that went through the network. */
    public long samples;
  }

  /** Called by JMH. */
  @Setup(Level.Trial)
  public void prepare() {
    trained = Contenders.of(contender, workload(STEPS));
  }

  /** {@return the losses} */
  @Benchmark
  @OperationsPerInvocation(STEPS)
  public double[] sweep(Count count) {
    count.samples += (long) STEPS * batch;
    return trained.sweep(STEPS).losses();
  }

  /** {@return something for each step} */
  @Benchmark
  @OperationsPerInvocation(STEPS)
  public double[] epoch(Count count) {
    count.samples += (long) STEPS * batch;
    return trained.epoch().losses();
  }
}

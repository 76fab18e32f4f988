package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Tag;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.NativeObjects;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.testkit.OwnJvm;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thousand sweeps in one JVM of 256 MiB, of which every fourth fails and every fourth is
 * cancelled, leave no native object, and resident memory stays flat after a warm-up.
 */
@Tag("leak")
class EnduranceTest {
  private static final Logger LOG = LoggerFactory.getLogger(EnduranceTest.class);
  private static final int SWEEPS = 1000;
  private static final int WARM_UP = 300;
  private static final int WINDOWS = 2;
  private static final int BLOCK = 50;
  private static final double STUDENT_12 = 2.179; // 97.5 %, 12 degrees of freedom
  private static final double FLAT = 1024; // bytes a sweep; a snapshot here is of 7,000

  /** A line through the medians of blocks, whose deviations are nearly independent. */
  private record Slope(double perSweep, double halfInterval) {
    static Slope of(List<Long> resident) {
      double[] x = new double[resident.size() / BLOCK];
      double[] y = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        x[i] = i * BLOCK;
        y[i] = median(resident.subList(i * BLOCK, (i + 1) * BLOCK));
      }
      assertThat(x.length - 2).as("degrees of freedom").isEqualTo(12);
      double meanX = Arrays.stream(x).average().orElseThrow();
      double meanY = Arrays.stream(y).average().orElseThrow();
      double xx = 0;
      double xy = 0;
      for (int i = 0; i < x.length; i++) {
        xx += (x[i] - meanX) * (x[i] - meanX);
        xy += (x[i] - meanX) * (y[i] - meanY);
      }
      double slope = xy / xx;
      double residuals = 0;
      for (int i = 0; i < x.length; i++) {
        double residual = y[i] - meanY - slope * (x[i] - meanX);
        residuals += residual * residual;
      }
      return new Slope(slope, STUDENT_12 * Math.sqrt(residuals / (x.length - 2) / xx));
    }

    private static double median(List<Long> values) {
      return values.stream()
          .mapToLong(Long::longValue)
          .sorted()
          .skip(values.size() / 2)
          .findFirst()
          .orElseThrow();
    }
  }

  @OnEachEngine
  void aThousandSweepsLeaveNothing(EngineChoice engine) throws Exception {
    // The heap is resident from the start, so that only native memory can grow.
    String printed =
        OwnJvm.run(
            List.of("-Xmx256m", "-Xms256m", "-XX:+AlwaysPreTouch", "-XX:TieredStopAtLevel=1"),
            EnduranceTest.class,
            engine.name());

    List<String> lines = printed.lines().filter(line -> line.startsWith("sweep ")).toList();
    assertThat(lines).as(printed).hasSize(WINDOWS * SWEEPS + 1);
    assertThat(lines)
        .extracting(line -> line.split(" ")[2])
        .containsOnly(lines.get(0).split(" ")[2]);
    List<Slope> slopes = new ArrayList<>();
    for (int window = 0; window < WINDOWS; window++) {
      List<Long> resident =
          lines.stream()
              .skip(1 + (long) window * SWEEPS + WARM_UP)
              .limit(SWEEPS - WARM_UP)
              .map(line -> Long.valueOf(line.split(" ")[3]))
              .toList();
      Slope slope = Slope.of(resident);
      slopes.add(slope);
      LOG.info(
          "{}: {} native objects before and after {} sweeps; resident memory after {} of them: {} bytes a sweep, 95 % interval {} to {}",
          engine,
          lines.get(0).split(" ")[2],
          SWEEPS,
          WARM_UP,
          Math.round(slope.perSweep),
          Math.round(slope.perSweep - slope.halfInterval),
          Math.round(slope.perSweep + slope.halfInterval));
    }
    // The JVM or malloc may grow by a mebibyte once; what leaks, leaks in both windows.
    assertThat(slopes)
        .as("upper end of the slope's interval")
        .anySatisfy(slope -> assertThat(slope.perSweep + slope.halfInterval).isLessThan(FLAT));
  }

  /** Prints native objects and resident memory at the start and after each sweep. */
  public static void main(String[] arguments) {
    EngineChoice engine = EngineChoice.valueOf(arguments[0]);
    torch.set_num_threads(1);
    List<Batch> batches = Models.batches(3, ScalarType.Float);
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    Models.train(network, optimizer, batches, 2);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < SWEEPS; i++) { // until the JVM has compiled what it will
      sweep(engine, network, optimizer, batches, i);
    }
    NativeObjects.settledCount(); // training left some
    lines.add(line(0));
    for (int i = 1; i <= WINDOWS * SWEEPS; i++) {
      sweep(engine, network, optimizer, batches, i);
      lines.add(line(i)); // without a collection: not even garbage is left
    }
    lines.forEach(System.out::println);
  }

  private static String line(int sweep) {
    return "sweep " + sweep + " " + Pointer.totalCount() + " " + Pointer.physicalBytes();
  }

  private static void sweep(
      EngineChoice engine,
      SequentialImpl network,
      Optimizer optimizer,
      List<Batch> batches,
      int number) {
    int[] asked = new int[1];
    LrFinder.Builder finder = LrFinder.builder().engine(engine).steps(20);
    switch (number % 4) {
      case 0 -> finder.cancelIf(() -> asked[0]++ == 10);
      case 1 ->
          finder.listener(
              step -> {
                if (step.index() == 10) {
                  throw new IllegalStateException("as planned");
                }
              });
      default -> {}
    }
    try {
      if (number % 4 == 2) {
        List<Tensor> losses = new ArrayList<>();
        finder
            .build()
            .find(SweepTask.of(network, optimizer, batch -> loss(network, batch, losses), batches));
        losses.forEach(Pointer::close);
      } else {
        finder.build().find(network, optimizer, Loss.CROSS_ENTROPY, batches);
      }
    } catch (IllegalStateException e) {
      if (number % 4 != 1) {
        throw e;
      }
    }
  }

  private static Tensor loss(SequentialImpl network, Batch batch, List<Tensor> losses) {
    try (PointerScope scope = new PointerScope()) {
      Tensor loss = torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
      loss.retainReference(); // outlives the scope, until it is closed
      losses.add(loss);
      return loss;
    }
  }
}

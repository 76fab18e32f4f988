package org.lrfinder.benchmarks.speed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.LrFinder;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.distributed.Distributed;
import org.lrfinder.sweep.Loss;

/**
 * One of several processes whose steps are timed. Each line that it reads names a network and a
 * number of steps; it answers with the median of a step's microseconds.
 */
final class SharedStepsRank {
  private static final int SETTLING = 5; // the first steps are recorded, not replayed

  private record Trained(JavaNetwork network, Optimizer optimizer, Batch batch) {}

  private final Map<String, Trained> trained = new HashMap<>();
  private final Distributed group;

  private SharedStepsRank(Distributed group) {
    this.group = group;
  }

  /** Answers until there are no more questions. */
  public static void main(String[] arguments) throws IOException {
    try (Distributed group = Distributed.fromEnvironment()) {
      SharedStepsRank rank = new SharedStepsRank(group);
      BufferedReader questions =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = questions.readLine(); line != null; line = questions.readLine()) {
        String[] words = line.split(" ");
        System.out.println("us " + rank.micros(words[0], Integer.parseInt(words[1])));
      }
    }
  }

  private double micros(String name, int steps) {
    Trained of = trained.computeIfAbsent(name, this::made);
    long[] ends = new long[steps + SETTLING];
    LrFinder finder =
        LrFinder.builder()
            .minLr(1e-8)
            .maxLr(1e-6)
            .steps(ends.length)
            .noEarlyStop()
            .listener(step -> ends[step.index()] = System.nanoTime())
            .build();
    SweepTask<Batch> task =
        SweepTask.of(
            of.network.sequential().orElseThrow(),
            of.optimizer,
            Loss.CROSS_ENTROPY,
            List.of(of.batch));
    finder.find(task.across(group));
    double[] took = new double[steps];
    Arrays.setAll(took, i -> (ends[i + SETTLING] - ends[i + SETTLING - 1]) / 1e3);
    Arrays.sort(took);
    return took[steps / 2];
  }

  private Trained made(String name) {
    NetworkShape shape = NetworkShape.of(name);
    torch.manual_seed(1);
    JavaNetwork network = JavaNetwork.of(shape);
    Optimizer adam = new Adam(network.module().parameters(), new AdamOptions(1e-3));
    torch.manual_seed(7 + group.rank());
    long[] sizes =
        LongStream.concat(
                LongStream.of(shape.batchSize()), shape.input().stream().mapToLong(size -> size))
            .toArray();
    Tensor input = torch.randn(sizes);
    Tensor target = torch.randint(0, NetworkShape.CLASSES, new long[] {sizes[0]});
    return new Trained(network, adam, new Batch(input, target.to(ScalarType.Long)));
  }
}

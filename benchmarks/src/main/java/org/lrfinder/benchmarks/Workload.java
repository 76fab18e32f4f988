package org.lrfinder.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.models.Network;

/**
 * What every contender works on: a network with one hidden layer and a batch for each step. Lives
 * as long as its process.
 *
 * @param hidden width of the hidden layer
 * @param weights initial parameters, in the network's order
 * @param batches one for each step
 */
record Workload(int hidden, List<Tensor> weights, List<Batch> batches) {
  static final int INPUTS = 64;
  static final int CLASSES = 10;
  static final int BATCH_SIZE = 32;

  private static final int SEED = 1;

  static Workload of(int hidden, int steps) {
    torch.manual_seed(SEED);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      List<Tensor> weights = new ArrayList<>();
      TensorVector parameters = layers(hidden).parameters();
      for (long i = 0; i < parameters.size(); i++) {
        weights.add(kept(parameters.get(i).clone()));
      }
      // A linear teacher, so that there is something to learn.
      Tensor teacher = torch.randn(INPUTS, CLASSES);
      List<Batch> batches = new ArrayList<>();
      for (int i = 0; i < steps; i++) {
        Tensor input = kept(torch.randn(BATCH_SIZE, INPUTS));
        batches.add(
            new Batch(
                input, kept(torch.argmax(input.matmul(teacher), new LongOptional(1), false))));
      }
      return new Workload(hidden, List.copyOf(weights), List.copyOf(batches));
    }
  }

  private static Tensor kept(Tensor tensor) {
    tensor.retainReference();
    return tensor;
  }

  private static SequentialImpl layers(int hidden) {
    return Network.multilayerPerceptron(INPUTS, List.of(hidden), CLASSES).module();
  }

  /** {@return a network of its own with the initial weights} */
  SequentialImpl network() {
    SequentialImpl network = layers(hidden);
    TensorVector parameters = network.parameters();
    try (NoGradGuard noGrad = new NoGradGuard()) {
      for (int i = 0; i < weights.size(); i++) {
        parameters.get(i).copy_(weights.get(i));
      }
    }
    return network;
  }

  LrFinder finder(EngineChoice engine) {
    return LrFinder.builder()
        .minLr(1e-8)
        .maxLr(1)
        .steps(batches.size())
        .noEarlyStop()
        .engine(engine)
        .build();
  }

  double[] rates() {
    LrFinder finder = finder(EngineChoice.AUTO);
    return IntStream.range(0, batches.size()).mapToDouble(finder.settings()::rate).toArray();
  }
}

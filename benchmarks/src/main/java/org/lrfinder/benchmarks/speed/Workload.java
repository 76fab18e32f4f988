package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.TensorBatches;

/**
 * What every contender works on: data in memory and the weights that a network starts from. Lives
 * as long as its process.
 *
 * @param weights in the order of the network's parameters
 * @param shuffled whether the rows come in a new order each epoch, as in every measurement; tests
 *     compare losses without
 */
record Workload(
    Case subject, Tensor inputs, Tensor targets, List<Tensor> weights, boolean shuffled) {
  private static final int MOST_BATCHES = 64;
  private static final int SEED = 1;

  static Workload of(Case subject, boolean shuffled) {
    NetworkShape shape = subject.network();
    torch.manual_seed(SEED);
    JavaNetwork network = JavaNetwork.of(shape);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      long rows = rows(subject);
      Tensor inputs = kept(torch.randn(sizes(rows, shape.input())));
      Tensor targets =
          shape.classifies()
              ? torch.randint(0, NetworkShape.CLASSES, new long[] {rows}).to(ScalarType.Long)
              : torch.randn(sizes(rows, shape.output()));
      List<Tensor> weights = new ArrayList<>();
      TensorVector parameters = network.module().parameters();
      for (long i = 0; i < parameters.size(); i++) {
        weights.add(kept(parameters.get(i).clone()));
      }
      return new Workload(subject, inputs, kept(targets), List.copyOf(weights), shuffled);
    }
  }

  /** Enough that a sweep walks through the data more than once, where it is long. */
  static long rows(Case subject) {
    return (long) subject.batchSize() * Math.min(subject.steps(), MOST_BATCHES);
  }

  private static long[] sizes(long rows, List<Long> example) {
    return LongStream.concat(LongStream.of(rows), example.stream().mapToLong(Long::longValue))
        .toArray();
  }

  private static Tensor kept(Tensor tensor) {
    tensor.retainReference();
    return tensor;
  }

  /** {@return a network of its own with the initial weights} */
  JavaNetwork network() {
    JavaNetwork network = JavaNetwork.of(subject.network());
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      TensorVector parameters = network.module().parameters();
      for (int i = 0; i < weights.size(); i++) {
        parameters.get(i).copy_(weights.get(i));
      }
    }
    return network;
  }

  TensorBatches batches() {
    TensorBatches batches = TensorBatches.of(inputs, targets, subject.batchSize());
    return shuffled ? batches.shuffled(SEED) : batches;
  }

  /** {@return the loss of a batch, outside of the library} */
  Tensor loss(JavaNetwork network, Tensor input, Tensor target) {
    Tensor output = network.forward().apply(input);
    return subject.network().classifies()
        ? torch.cross_entropy_loss(output, target)
        : torch.mse_loss(output, target);
  }

  int batchesPerEpoch() {
    return Math.toIntExact(inputs.size(0) / subject.batchSize());
  }

  /** {@return all tensors of a network that a sweep moves} */
  static List<Tensor> state(JavaNetwork network) {
    return Stream.of(network.module().parameters(), network.module().buffers())
        .flatMap(vector -> LongStream.range(0, vector.size()).mapToObj(vector::get))
        .toList();
  }
}

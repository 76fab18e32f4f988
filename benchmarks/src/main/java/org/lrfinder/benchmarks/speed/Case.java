package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.List;
import org.lrfinder.internal.models.OptimizerKind;

/**
 * One network trained by one optimizer on batches of one size.
 *
 * @param steps of a sweep
 */
record Case(NetworkShape network, OptimizerKind optimizer, int batchSize, int steps) {
  private static final List<String> NETWORKS =
      List.of(
          "1x64",
          "20x64",
          "2x512",
          "2x2048",
          "cnn-8x8",
          "cnn-28x28",
          "encoder-layer",
          "lstm",
          "gru",
          "resnet-18");

  private static final List<String> EVERY_OPTIMIZER = List.of("1x64", "2x512");

  static Case of(String network) {
    return of(network, OptimizerKind.ADAM);
  }

  static Case of(String network, OptimizerKind optimizer) {
    NetworkShape shape = NetworkShape.of(network);
    return new Case(shape, optimizer, shape.batchSize(), shape.steps());
  }

  /** {@return those of the comparison, in the table's order} */
  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (String network : NETWORKS) {
      cases.add(of(network));
      if (EVERY_OPTIMIZER.contains(network)) {
        cases.add(of(network, OptimizerKind.SGD));
        cases.add(of(network, OptimizerKind.ADAMW));
      }
    }
    return List.copyOf(cases);
  }

  Case withBatchSize(int size) {
    return new Case(network, optimizer, size, steps);
  }

  /** As in the tables; unique among {@link #all}. */
  String label() {
    return optimizer == OptimizerKind.ADAM ? network.name() : network.name() + " " + optimizer;
  }

  boolean isPerceptron() {
    return network.perceptron() != null;
  }
}

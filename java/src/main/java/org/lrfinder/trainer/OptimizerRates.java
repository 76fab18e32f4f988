package org.lrfinder.trainer;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OptimizerParamGroupVector;

/** The learning rates of an optimizer's groups, read without making Java objects each time. */
final class OptimizerRates implements AutoCloseable {
  private final List<OptimizerOptions> options = new ArrayList<>();

  OptimizerRates(Optimizer optimizer) {
    try (PointerScope scope = new PointerScope()) {
      OptimizerParamGroupVector groups = optimizer.param_groups();
      for (long i = 0; i < groups.size(); i++) {
        OptimizerOptions group = groups.get(i).options();
        group.retainReference(); // outlives the scope, until close()
        options.add(group);
      }
    }
  }

  double largest() {
    double largest = 0;
    for (int i = 0; i < options.size(); i++) { // makes no iterator in each step
      largest = Math.max(largest, options.get(i).get_lr());
    }
    return largest;
  }

  @Override
  public void close() {
    options.forEach(OptimizerOptions::close);
  }
}

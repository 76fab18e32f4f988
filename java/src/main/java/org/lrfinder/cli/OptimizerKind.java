package org.lrfinder.cli;

import java.util.Map;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.lrfinder.internal.engine.SweptOptimizer;

/** Optimizers of the command line, with PyTorch's defaults. */
enum OptimizerKind {
  SGD(SweptOptimizer.SGD),
  MOMENTUM(SweptOptimizer.SGD),
  ADAM(SweptOptimizer.ADAM),
  ADAMW(SweptOptimizer.ADAMW),
  ADAGRAD(SweptOptimizer.ADAGRAD),
  RMSPROP(SweptOptimizer.RMSPROP);

  private static final double MOMENTUM_FACTOR = 0.9;

  private final SweptOptimizer swept;

  OptimizerKind(SweptOptimizer swept) {
    this.swept = swept;
  }

  Optimizer over(Module network, double lr) {
    return over(network, lr, Map.of());
  }

  /**
   * With options other than PyTorch's defaults; throws IllegalArgumentException if it has none
   * such.
   */
  Optimizer over(Module network, double lr, Map<Setting.Kind, Double> settings) {
    Optimizer optimizer = swept.over(network.parameters(), lr);
    OptimizerParamGroup group = optimizer.param_groups().get(0);
    Double decay = settings.get(Setting.Kind.WEIGHT_DECAY);
    if (decay != null) {
      swept.weightDecay(group).put(decay);
    }
    Double momentum = settings.get(Setting.Kind.MOMENTUM);
    if (momentum != null || this == MOMENTUM) {
      swept.momentum(group).put(momentum != null ? momentum : MOMENTUM_FACTOR);
    }
    return optimizer;
  }
}

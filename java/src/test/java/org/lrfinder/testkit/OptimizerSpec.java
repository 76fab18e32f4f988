package org.lrfinder.testkit;

import java.util.Map;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.TensorVector;
import org.lrfinder.internal.models.OptimizerKind;

/**
 * The optimizers that the suite runs over, on each engine, with the options that give one a state
 * of its own. A new optimizer is a line here.
 */
public enum OptimizerSpec {
  SGD(OptimizerKind.SGD, Map.of()),
  SGD_MOMENTUM_DAMPENING(
      OptimizerKind.SGD, Map.of("momentum", 0.9, "dampening", 0.5, "weight_decay", 0.01)),
  SGD_NESTEROV(OptimizerKind.SGD, Map.of("momentum", 0.8, "nesterov", true)),
  ADAM(OptimizerKind.ADAM, Map.of()),
  ADAM_AMSGRAD(OptimizerKind.ADAM, Map.of("amsgrad", true, "weight_decay", 0.01)),
  ADAMW(OptimizerKind.ADAMW, Map.of()),
  ADAGRAD(OptimizerKind.ADAGRAD, Map.of()),
  RMSPROP(OptimizerKind.RMSPROP, Map.of("centered", true, "momentum", 0.5));

  private static final double LR = 0.01;

  private final OptimizerKind kind;
  private final Map<String, Object> options;

  OptimizerSpec(OptimizerKind kind, Map<String, Object> options) {
    this.kind = kind;
    this.options = options;
  }

  public Optimizer over(TensorVector parameters) {
    return Models.keep(kind.over(parameters, LR, options));
  }

  public Optimizer over(Module network) {
    return over(network.parameters());
  }
}

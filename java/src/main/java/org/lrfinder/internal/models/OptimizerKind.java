package org.lrfinder.internal.models;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.TensorVector;
import org.lrfinder.internal.engine.SweptOptimizer;

/** Optimizers by name, with PyTorch's defaults for options that are not given. */
public enum OptimizerKind {
  SGD(SweptOptimizer.SGD, Map.of()),
  MOMENTUM(SweptOptimizer.SGD, Map.of("momentum", 0.9)),
  ADAM(SweptOptimizer.ADAM, Map.of()),
  ADAMW(SweptOptimizer.ADAMW, Map.of()),
  ADAGRAD(SweptOptimizer.ADAGRAD, Map.of()),
  RMSPROP(SweptOptimizer.RMSPROP, Map.of());

  private final SweptOptimizer swept;
  private final Map<String, ?> defaults;

  OptimizerKind(SweptOptimizer swept, Map<String, ?> defaults) {
    this.swept = swept;
    this.defaults = defaults;
  }

  /**
   * Makes an optimizer.
   *
   * @param options by PyTorch's names, such as {@code weight_decay}, {@code nesterov} or {@code
   *     betas}: numbers, truth values, or lists of two numbers
   * @throws IllegalArgumentException if the optimizer has no such option; the message names both
   */
  public Optimizer over(TensorVector parameters, double lr, Map<String, ?> options) {
    return swept.over(parameters, options(lr, options));
  }

  /** Makes the options of another group; otherwise as {@link #over}. */
  public OptimizerOptions options(double lr, Map<String, ?> options) {
    OptimizerOptions made = swept.options(lr);
    defaults.forEach((name, value) -> set(made, name, value));
    options.forEach((name, value) -> set(made, name, value));
    return made;
  }

  private void set(OptimizerOptions options, String name, Object value) {
    Object option = null;
    try {
      option = options.getClass().getMethod(name).invoke(options);
    } catch (ReflectiveOperationException e) {
      // It has no such option, as is said below.
    }
    if (option instanceof DoublePointer number && value instanceof Number given) {
      number.put(given.doubleValue());
    } else if (option instanceof BoolPointer flag && value instanceof Boolean given) {
      flag.put(given);
    } else if (option instanceof DoublePointer pair && value instanceof List<?> given) {
      // A std::tuple, whose elements libstdc++ stores last to first.
      pair.put(((Number) given.get(1)).doubleValue(), ((Number) given.get(0)).doubleValue());
    } else {
      throw new IllegalArgumentException(this + " has no " + name);
    }
  }

  /** Its name as the command line's help has it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

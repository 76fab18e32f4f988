package org.lrfinder.internal.models;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.DoubleFunction;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Adagrad;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.TensorVector;

/** Optimizers by name, with PyTorch's defaults for options that are not given. */
public enum OptimizerKind {
  SGD((double lr) -> new SGDOptions(lr), SGD::new, Map.of()),
  MOMENTUM((double lr) -> new SGDOptions(lr), SGD::new, Map.of("momentum", 0.9)),
  ADAM((double lr) -> new AdamOptions(lr), Adam::new, Map.of()),
  ADAMW((double lr) -> new AdamWOptions(lr), AdamW::new, Map.of()),
  ADAGRAD((double lr) -> new AdagradOptions(lr), Adagrad::new, Map.of()),
  RMSPROP((double lr) -> new RMSpropOptions(lr), RMSprop::new, Map.of());

  private final DoubleFunction<? extends OptimizerOptions> options;
  private final BiFunction<TensorVector, OptimizerOptions, Optimizer> optimizer;
  private final Map<String, ?> defaults;

  @SuppressWarnings("unchecked") // its options are of its own making
  <O extends OptimizerOptions> OptimizerKind(
      DoubleFunction<O> options,
      BiFunction<TensorVector, O, Optimizer> optimizer,
      Map<String, ?> defaults) {
    this.options = options;
    this.optimizer = (BiFunction<TensorVector, OptimizerOptions, Optimizer>) optimizer;
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
    return optimizer.apply(parameters, options(lr, options));
  }

  /** Makes the options of another group; otherwise as {@link #over}. */
  public OptimizerOptions options(double lr, Map<String, ?> options) {
    OptimizerOptions made = this.options.apply(lr);
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
      throw new IllegalArgumentException(name().toLowerCase(Locale.ROOT) + " has no " + name);
    }
  }
}

package org.lrfinder.internal.engine;

import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adagrad;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.LBFGS;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** The optimizers that can be swept: the one table of what the library knows about each. */
public enum SweptOptimizer {
  SGD(
      SGD.class,
      SGDOptions::new,
      SGD::new,
      (double lr) -> new SGDOptions(lr),
      SGD::new,
      SGDOptions::weight_decay,
      options -> options.momentum().get() == 0 ? 0 : 1,
      /* productsOfAStep= */ 1,
      /* fused= */ true,
      /* sparse= */ true),
  ADAM(
      Adam.class,
      AdamOptions::new,
      Adam::new,
      (double lr) -> new AdamOptions(lr),
      Adam::new,
      AdamOptions::weight_decay,
      options -> options.amsgrad().get() ? 3 : 2,
      /* productsOfAStep= */ 3,
      /* fused= */ true,
      /* sparse= */ false),
  ADAMW(
      AdamW.class,
      AdamWOptions::new,
      AdamW::new,
      (double lr) -> new AdamWOptions(lr),
      AdamW::new,
      AdamWOptions::weight_decay,
      options -> options.amsgrad().get() ? 3 : 2,
      /* productsOfAStep= */ 2,
      /* fused= */ true,
      /* sparse= */ false),
  ADAGRAD(
      Adagrad.class,
      AdagradOptions::new,
      Adagrad::new,
      (double lr) -> new AdagradOptions(lr),
      Adagrad::new,
      AdagradOptions::weight_decay,
      options -> 1,
      /* productsOfAStep= */ 2,
      /* fused= */ true,
      /* sparse= */ true),
  RMSPROP(
      RMSprop.class,
      RMSpropOptions::new,
      RMSprop::new,
      (double lr) -> new RMSpropOptions(lr),
      RMSprop::new,
      RMSpropOptions::weight_decay,
      options -> 1 + (options.momentum().get() > 0 ? 1 : 0) + (options.centered().get() ? 1 : 0),
      /* productsOfAStep= */ 2,
      /* fused= */ false,
      /* sparse= */ false);

  private final Class<? extends Optimizer> type;
  private final Function<Optimizer, Optimizer> stateless; // copies
  private final DoubleFunction<? extends OptimizerOptions> options;
  private final BiFunction<TensorVector, OptimizerOptions, Optimizer> overParameters;
  private final Function<Pointer, DoublePointer> weightDecay;
  private final ToIntFunction<Pointer> statesPerParameter;
  final int productsOfAStep; // tensors of a parameter's size that its own makes at once, at most
  final boolean fused; // whether libtorch has a fused kernel for it
  private final boolean sparse; // whether it takes sparse gradients, without weight decay

  @SuppressWarnings("unchecked") // its options are of its own making
  <P extends OptimizerOptions> SweptOptimizer(
      Class<? extends Optimizer> type,
      Function<Pointer, P> cast,
      BiFunction<OptimizerParamGroupVector, P, Optimizer> overGroups,
      DoubleFunction<P> options,
      BiFunction<TensorVector, P, Optimizer> overParameters,
      Function<P, DoublePointer> weightDecay,
      ToIntFunction<P> statesPerParameter,
      int productsOfAStep,
      boolean fused,
      boolean sparse) {
    this.type = type;
    this.stateless =
        original -> overGroups.apply(original.param_groups(), cast.apply(original.defaults()));
    this.options = options;
    this.overParameters = (BiFunction<TensorVector, OptimizerOptions, Optimizer>) overParameters;
    this.weightDecay = cast.andThen(weightDecay);
    this.statesPerParameter = group -> statesPerParameter.applyAsInt(cast.apply(group));
    this.productsOfAStep = productsOfAStep;
    this.fused = fused;
    this.sparse = sparse;
  }

  /**
   * {@return the row of an optimizer's exact class, as in the native core: a subclass may step
   * otherwise}
   *
   * @throws IllegalArgumentException if there is none
   */
  public static SweptOptimizer of(Optimizer optimizer) {
    for (SweptOptimizer each : values()) {
      if (each.type == optimizer.getClass()) {
        return each;
      }
    }
    List<String> names = Arrays.stream(values()).map(each -> each.type.getSimpleName()).toList();
    int last = names.size() - 1;
    throw new IllegalArgumentException(
        "optimizer %s cannot be swept: allowed are %s and %s; sweep another by a step of your own, find(StepFunction.of(lr -> loss, save, restore))"
            .formatted(
                isOfPresets(optimizer)
                    ? optimizer.getClass().getSimpleName()
                    : optimizer.getClass().getName(),
                String.join(", ", names.subList(0, last)),
                names.get(last)));
  }

  /** Whether no class of a user's overrides methods, of which the native core would not know. */
  static boolean isOfPresets(Optimizer optimizer) {
    return optimizer.getClass().getPackage().equals(Optimizer.class.getPackage());
  }

  /** Refuses what no training can step. */
  static void requireSteppable(Optimizer optimizer) {
    if (optimizer instanceof LBFGS) {
      throw new IllegalArgumentException(
          "optimizer LBFGS cannot be trained with: it needs to compute the loss several times in a step; call its step(closure) in a loop of your own");
    }
  }

  /** {@return options for {@link #over}, with PyTorch's defaults} */
  public OptimizerOptions options(double lr) {
    return options.apply(lr);
  }

  /** {@return an optimizer over some parameters} */
  public Optimizer over(TensorVector parameters, OptimizerOptions options) {
    return overParameters.apply(parameters, options);
  }

  /**
   * A second optimizer of the same class over the same parameters, with the options and the state
   * of the first. Callers open a {@link PointerScope}.
   */
  static Optimizer privateCopy(Optimizer original) {
    Optimizer copy = of(original).stateless.apply(original);
    try (PointerScope scope = new PointerScope()) { // the archive is as large as the state
      Tensor archive = OptimizerArchive.of(original::save);
      InputArchive in = new InputArchive();
      in.load_from(new BytePointer(archive.data_ptr()), archive.numel());
      copy.load(in);
    }
    return copy;
  }

  /** Whether there is a row of an optimizer's exact class. */
  public static boolean has(Optimizer optimizer) {
    return Arrays.stream(values()).anyMatch(each -> each.type == optimizer.getClass());
  }

  /** Tensors of a parameter's size that it keeps for each parameter of a group. */
  public int statesPerParameter(OptimizerParamGroup group) {
    return statesPerParameter.applyAsInt(group.options());
  }

  /** Says in words for the user what libtorch would fail on. Subclasses fail alike. */
  static void checkSparseGradients(Optimizer optimizer) {
    for (SweptOptimizer each : values()) {
      if (each.type.isInstance(optimizer)) {
        OptimizerParamGroupVector groups = optimizer.param_groups();
        for (long i = 0; i < groups.size(); i++) {
          each.checkSparseGradients(groups.get(i), optimizer.getClass().getSimpleName());
        }
      }
    }
  }

  private void checkSparseGradients(OptimizerParamGroup group, String name) {
    if (Arrays.stream(group.params().get())
        .noneMatch(p -> p.grad().defined() && p.grad().is_sparse())) {
      return;
    }
    if (!sparse) {
      throw new IllegalArgumentException(
          "torch::optim::%s does not take sparse gradients: give the parameters that have them to an optimizer of their own, %s, or make their embedding dense"
              .formatted(
                  name,
                  Arrays.stream(values())
                      .filter(each -> each.sparse)
                      .map(each -> each.type.getSimpleName())
                      .collect(Collectors.joining(" or "))));
    }
    if (weightDecay.apply(group.options()).get() != 0) {
      throw new IllegalArgumentException(
          "torch::optim::%s does not take sparse gradients with weight decay: set it to 0"
              .formatted(name));
    }
  }
}

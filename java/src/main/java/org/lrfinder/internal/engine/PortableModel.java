package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adagrad;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.LBFGS;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.buffer_iterator;
import org.bytedeco.pytorch.buffer_list;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.parameter_iterator;
import org.bytedeco.pytorch.parameter_list;
import org.lrfinder.sweep.Loss;

/**
 * What the portable engine asks of networks and optimizers. Callers open a {@link
 * org.bytedeco.javacpp.PointerScope}.
 */
final class PortableModel {
  private static final long SUM = 2; // at::Reduction::Sum
  private static final Set<Class<?>> SWEEPABLE =
      Set.of(SGD.class, Adam.class, AdamW.class, Adagrad.class, RMSprop.class);

  private PortableModel() {}

  /** The parameters of a part's network. */
  static List<Tensor> networkParameters(SweepSubject.Part part) {
    List<Tensor> parameters = new ArrayList<>();
    if (part.module() != null) {
      addAll(parameters, part.module().parameters());
    }
    if (part.script() != null) {
      parameter_list list = part.script().parameters();
      parameter_iterator end = list.end();
      for (parameter_iterator i = list.begin(); i.notEquals(end); i.increment()) {
        parameters.add(i.access());
      }
    }
    return parameters;
  }

  /** The buffers of a part's network. */
  static List<Tensor> networkBuffers(SweepSubject.Part part) {
    List<Tensor> buffers = new ArrayList<>();
    if (part.module() != null) {
      addAll(buffers, part.module().buffers());
    }
    if (part.script() != null) {
      buffer_list list = part.script().buffers();
      buffer_iterator end = list.end();
      for (buffer_iterator i = list.begin(); i.notEquals(end); i.increment()) {
        buffers.add(i.access());
      }
    }
    return buffers;
  }

  /** Every parameter and buffer of the optimizers and networks, some more than once. */
  static List<Tensor> tensors(SweepSubject subject) {
    List<Tensor> tensors = parameters(subject.optimizers());
    for (SweepSubject.Part part : subject.parts()) {
      tensors.addAll(networkParameters(part));
      tensors.addAll(networkBuffers(part));
    }
    return tensors;
  }

  /** The parameters of some optimizers, group by group. */
  static List<Tensor> parameters(List<Optimizer> optimizers) {
    List<Tensor> parameters = new ArrayList<>();
    optimizers.forEach(optimizer -> parameters.addAll(parameters(optimizer)));
    return parameters;
  }

  /** The optimizer's parameters, group by group. */
  static List<Tensor> parameters(Optimizer optimizer) {
    List<Tensor> parameters = new ArrayList<>();
    OptimizerParamGroupVector groups = optimizer.param_groups();
    for (long i = 0; i < groups.size(); i++) {
      addAll(parameters, groups.get(i).params());
    }
    return parameters;
  }

  static void addAll(List<Tensor> list, TensorVector vector) {
    for (long i = 0; i < vector.size(); i++) {
      list.add(vector.get(i));
    }
  }

  /** What makes two Java tensors the same tensor. */
  static long identity(Tensor tensor) {
    return tensor.unsafeGetTensorImpl().address();
  }

  static Map<Long, Tensor> byIdentity(List<Tensor> tensors) {
    Map<Long, Tensor> unique = new LinkedHashMap<>();
    for (Tensor tensor : tensors) {
      unique.putIfAbsent(identity(tensor), tensor);
    }
    return unique;
  }

  static String deviceOf(Tensor tensor) {
    try (Device device = tensor.device();
        BytePointer name = device.str()) {
      return name.getString();
    }
  }

  static String shape(Tensor tensor) {
    long[] sizes = new long[(int) tensor.dim()];
    Arrays.setAll(sizes, tensor::size);
    return Arrays.stream(sizes)
        .mapToObj(Long::toString)
        .collect(Collectors.joining(", ", "[", "]"));
  }

  /** Refuses what cannot be trained, and returns the parameters' device. */
  static String check(SweepSubject.Part part) {
    List<Tensor> parameters = parameters(part.optimizers());
    if (parameters.stream().noneMatch(Tensor::requires_grad)) {
      throw new IllegalArgumentException(
          "no parameter of the optimizer takes a gradient: at least one must have requires_grad");
    }
    String device = deviceOf(parameters.get(0));
    for (Tensor parameter : parameters) {
      if (!deviceOf(parameter).equals(device)) {
        throw new IllegalArgumentException(
            "tensors on different devices: the optimizer has parameters on %s and on %s, all must be on one"
                .formatted(device, deviceOf(parameter)));
      }
    }
    if (part.module() != null || part.script() != null) {
      Map<Long, Tensor> ownById = byIdentity(networkParameters(part));
      long foreign = parameters.stream().filter(p -> !ownById.containsKey(identity(p))).count();
      if (foreign > 0) {
        throw new IllegalArgumentException(
            ("the optimizer is over other parameters than the network's: %d of its %d parameters are not in the network;"
                    + " make the optimizer from the network's parameters()")
                .formatted(foreign, parameters.size()));
      }
    }
    Map<Long, Tensor> taken = new LinkedHashMap<>();
    for (Optimizer optimizer : part.optimizers()) {
      Map<Long, Tensor> own = byIdentity(parameters(optimizer));
      if (own.keySet().stream().anyMatch(taken::containsKey)) {
        throw new IllegalArgumentException(
            "two optimizers of one part have a parameter in common: each parameter must be in one of them");
      }
      taken.putAll(own);
    }
    return device;
  }

  /**
   * A second optimizer of the same class over the same parameters, with the options and the state
   * of the first.
   */
  static Optimizer privateCopy(Optimizer original) {
    requireSweepable(original);
    OptimizerParamGroupVector groups = original.param_groups();
    Pointer defaults = original.defaults();
    Optimizer copy;
    Class<?> type = original.getClass();
    if (type == SGD.class) {
      copy = new SGD(groups, new SGDOptions(defaults));
    } else if (type == Adam.class) {
      copy = new Adam(groups, new AdamOptions(defaults));
    } else if (type == AdamW.class) {
      copy = new AdamW(groups, new AdamWOptions(defaults));
    } else if (type == Adagrad.class) {
      copy = new Adagrad(groups, new AdagradOptions(defaults));
    } else {
      copy = new RMSprop(groups, new RMSpropOptions(defaults));
    }
    try (PointerScope scope = new PointerScope()) { // the archive is as large as the state
      Tensor archive = OptimizerArchive.of(original);
      InputArchive in = new InputArchive();
      in.load_from(new BytePointer(archive.data_ptr()), archive.numel());
      copy.load(in);
    }
    return copy;
  }

  /** Refuses what has no private copy. Exact classes, as in the native core. */
  static void requireSweepable(Optimizer optimizer) {
    if (!SWEEPABLE.contains(optimizer.getClass())) {
      throw new IllegalArgumentException(
          "optimizer %s cannot be swept: allowed are SGD, Adam, AdamW, Adagrad and RMSprop; sweep another by a step of your own, find(StepFunction.of(lr -> loss, save, restore))"
              .formatted(
                  ofPresets(optimizer)
                      ? optimizer.getClass().getSimpleName()
                      : optimizer.getClass().getName()));
    }
  }

  /** Refuses what no training can step. */
  static void requireSteppable(Optimizer optimizer) {
    if (optimizer instanceof LBFGS) {
      throw new IllegalArgumentException(
          "optimizer LBFGS cannot be trained with: it needs to compute the loss several times in a step; call its step(closure) in a loop of your own");
    }
  }

  /** Whether no class of a user's overrides methods, of which the native core would not know. */
  static boolean ofPresets(Optimizer optimizer) {
    return optimizer.getClass().getPackage().equals(Optimizer.class.getPackage());
  }

  /** Says in words for the user what libtorch would fail on. */
  static void checkSparseGradients(Optimizer optimizer) {
    String name = optimizer.getClass().getSimpleName();
    OptimizerParamGroupVector groups = optimizer.param_groups();
    for (long i = 0; i < groups.size(); i++) {
      List<Tensor> parameters = new ArrayList<>();
      addAll(parameters, groups.get(i).params());
      if (parameters.stream().noneMatch(p -> p.grad().defined() && p.grad().is_sparse())) {
        continue;
      }
      if (optimizer instanceof Adam || optimizer instanceof AdamW || optimizer instanceof RMSprop) {
        throw new IllegalArgumentException(
            "torch::optim::%s does not take sparse gradients: give the parameters that have them to an optimizer of their own, SGD or Adagrad, or make their embedding dense"
                .formatted(name));
      }
      Pointer options = groups.get(i).options();
      if ((optimizer instanceof SGD && new SGDOptions(options).weight_decay().get() != 0)
          || (optimizer instanceof Adagrad
              && new AdagradOptions(options).weight_decay().get() != 0)) {
        throw new IllegalArgumentException(
            "torch::optim::%s does not take sparse gradients with weight decay: set it to 0"
                .formatted(name));
      }
    }
  }

  static Tensor loss(Loss loss, Tensor prediction, Tensor target) {
    boolean classIndices = loss == Loss.CROSS_ENTROPY || loss == Loss.NEGATIVE_LOG_LIKELIHOOD;
    if (!classIndices && !shape(prediction).equals(shape(target))) {
      // libtorch would broadcast and average over every pair.
      throw new IllegalArgumentException(
          "the network's output has shape %s and the target %s: this loss needs the same shape"
              .formatted(shape(prediction), shape(target)));
    }
    return switch (loss) {
      case CROSS_ENTROPY -> torch.cross_entropy_loss(prediction, target);
      case MSE -> torch.mse_loss(prediction, target);
      case L1 -> torch.l1_loss(prediction, target);
      case SMOOTH_L1 -> torch.smooth_l1_loss(prediction, target);
      case HUBER -> torch.huber_loss(prediction, target);
      case BINARY_CROSS_ENTROPY_WITH_LOGITS ->
          torch.binary_cross_entropy_with_logits(prediction, target);
      case NEGATIVE_LOG_LIKELIHOOD -> torch.nll_loss_nd(prediction, target);
      // By the number of examples: the mean over every element is no divergence.
      case KL_DIVERGENCE ->
          torch
              .kl_div(prediction, target, SUM, false)
              .div(new Scalar((double) (prediction.dim() == 0 ? 1 : prediction.size(0))));
    };
  }
}

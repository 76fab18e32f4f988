package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.buffer_iterator;
import org.bytedeco.pytorch.buffer_list;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.parameter_iterator;
import org.bytedeco.pytorch.parameter_list;
import org.lrfinder.data.Batch;

/** What the engines ask of a model's tensors. Callers open a {@link PointerScope}. */
final class ModelTensors {
  private ModelTensors() {}

  /** The parameters of a part's network. */
  static List<Tensor> networkParameters(SweepSubject.Part part) {
    List<Tensor> parameters = new ArrayList<>();
    if (part.module() != null) {
      Collections.addAll(parameters, part.module().parameters().get());
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
      Collections.addAll(buffers, part.module().buffers().get());
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
      TensorVector group = groups.get(i).params();
      for (long j = 0; j < group.size(); j++) {
        parameters.add(group.get(j));
      }
    }
    return parameters;
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

  /**
   * Refuses a batch that is not where the network is.
   *
   * @param device the network's
   */
  static void requireOn(String device, Batch batch) {
    requireOn(device, batch.input(), "input");
    requireOn(device, batch.target(), "target");
  }

  private static void requireOn(String device, Tensor tensor, String name) {
    String own = deviceOf(tensor);
    if (!own.equals(device)) {
      throw new IllegalArgumentException(
          "tensors on different devices: the network is on %s and the batch's %s on %s; device(\"%s\") of a SweepTask, or of a Trainer's builder, moves batches"
              .formatted(device, name, own, device));
    }
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
            ("the optimizer is over other parameters than the network's: %d of its %d parameters"
                    + " are not in the network; make the optimizer from the network's parameters()")
                .formatted(foreign, parameters.size()));
      }
    }
    Set<Long> taken = new HashSet<>();
    for (Optimizer optimizer : part.optimizers()) {
      Set<Long> own = byIdentity(parameters(optimizer)).keySet();
      if (!Collections.disjoint(taken, own)) {
        throw new IllegalArgumentException(
            "two optimizers of one part have a parameter in common: each parameter must be in one of them");
      }
      taken.addAll(own);
    }
    return device;
  }

  /** The value of a loss, which must be one real number. */
  static double number(Tensor loss) {
    if (!loss.defined()) {
      throw new IllegalArgumentException("the loss is an undefined tensor");
    }
    if (loss.numel() != 1 || !torch.isFloatingType(loss.scalar_type())) {
      throw new IllegalArgumentException(
          "the loss must be one real number, not a tensor of shape %s and type %s"
              .formatted(shape(loss), loss.dtype().name().getString()));
    }
    return loss.item_double();
  }
}

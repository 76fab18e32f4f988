package org.lrfinder.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Adagrad;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.ArchiveWriter;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Loss;

/**
 * What the portable engine asks of networks and optimizers. Callers open a {@link
 * org.bytedeco.javacpp.PointerScope}.
 */
final class PortableModel {
  private PortableModel() {}

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

  /** Refuses what cannot be swept, and returns the parameters' device. */
  static String check(@Nullable Module network, Optimizer optimizer) {
    List<Tensor> parameters = parameters(optimizer);
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
    if (network != null) {
      List<Tensor> own = new ArrayList<>();
      addAll(own, network.parameters());
      Map<Long, Tensor> ownById = byIdentity(own);
      long foreign = parameters.stream().filter(p -> !ownById.containsKey(identity(p))).count();
      if (foreign > 0) {
        throw new IllegalArgumentException(
            ("the optimizer is over other parameters than the network's: %d of its %d parameters are not in the network;"
                    + " make the optimizer from the network's parameters()")
                .formatted(foreign, parameters.size()));
      }
    }
    return device;
  }

  /**
   * A second optimizer of the same class over the same parameters, with the options and the state
   * of the first.
   */
  static Optimizer privateCopy(Optimizer original) {
    OptimizerParamGroupVector groups = original.param_groups();
    Pointer defaults = original.defaults();
    Optimizer copy;
    // Exact classes, as in the native core.
    Class<?> type = original.getClass();
    if (type == SGD.class) {
      copy = new SGD(groups, new SGDOptions(defaults));
    } else if (type == Adam.class) {
      copy = new Adam(groups, new AdamOptions(defaults));
    } else if (type == AdamW.class) {
      copy = new AdamW(groups, new AdamWOptions(defaults));
    } else if (type == Adagrad.class) {
      copy = new Adagrad(groups, new AdagradOptions(defaults));
    } else if (type == RMSprop.class) {
      copy = new RMSprop(groups, new RMSpropOptions(defaults));
    } else {
      throw cannotBeSwept(original);
    }
    // The presets show no state map, but archives carry it.
    byte[] archive = save(original);
    InputArchive in = new InputArchive();
    in.load_from(new BytePointer(archive), archive.length);
    copy.load(in);
    return copy;
  }

  static IllegalArgumentException cannotBeSwept(Optimizer optimizer) {
    return new IllegalArgumentException(
        "optimizer "
            + optimizer.getClass().getSimpleName()
            + " cannot be swept: allowed are SGD, Adam, AdamW, Adagrad and RMSprop");
  }

  /** Whether no class of a user's overrides methods, of which the native core would not know. */
  static boolean ofPresets(Optimizer optimizer) {
    return optimizer.getClass().getPackage().equals(Optimizer.class.getPackage());
  }

  private static byte[] save(Optimizer optimizer) {
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    try (ArchiveWriter writer =
        new ArchiveWriter() {
          @Override
          public long call(Pointer buffer, long count) {
            byte[] chunk = new byte[Math.toIntExact(count)];
            new BytePointer(buffer).get(chunk);
            bytes.writeBytes(chunk);
            return count;
          }
        }) {
      OutputArchive out = new OutputArchive();
      optimizer.save(out);
      out.save_to(writer);
    }
    return bytes.toByteArray();
  }

  static Tensor loss(Loss loss, Tensor prediction, Tensor target) {
    if (loss != Loss.CROSS_ENTROPY && !shape(prediction).equals(shape(target))) {
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
    };
  }
}

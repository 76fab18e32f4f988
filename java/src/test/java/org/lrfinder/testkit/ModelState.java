package org.lrfinder.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.SharedModuleVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Everything that a sweep must leave as it was, as plain Java values: tensors by their bytes,
 * gradients also by which tensor they are, the optimizer by its archive.
 */
public record ModelState(Map<String, Object> values) {
  private static final String GRADIENT_IS = " gradient is";

  public static ModelState of(Module network, Optimizer optimizer, Tensor... others) {
    Map<String, Object> values = new LinkedHashMap<>();
    try (PointerScope scope = new PointerScope()) {
      TensorVector parameters = network.parameters();
      for (long i = 0; i < parameters.size(); i++) {
        addParameter(values, "parameter " + i, parameters.get(i));
      }
      TensorVector buffers = network.buffers();
      for (long i = 0; i < buffers.size(); i++) {
        values.put("buffer " + i, bytes(buffers.get(i)));
      }
      SharedModuleVector modules = network.modules();
      for (long i = 0; i < modules.size(); i++) {
        values.put("module " + i + " training", modules.get(i).is_training());
      }
      OptimizerParamGroupVector groups = optimizer.param_groups();
      for (long g = 0; g < groups.size(); g++) {
        values.put("group " + g + " rate", groups.get(g).options().get_lr());
        TensorVector inGroup = groups.get(g).params();
        for (long i = 0; i < inGroup.size(); i++) {
          addParameter(values, "group " + g + " parameter " + i, inGroup.get(i));
        }
      }
      for (int i = 0; i < others.length; i++) {
        values.put("other " + i, bytes(others[i]));
      }
      values.put("optimizer", list(OptimizerArchive.bytes(optimizer)));
      values.put("random state", bytes(torch.getDefaultCPUGenerator().get_state()));
      values.put("grad mode", GradMode.is_enabled());
      values.put("libtorch threads", torch.get_num_threads());
      values.put("BLAS threads", openblas_nolapack.blas_get_num_threads());
      values.put("interrupted", Thread.currentThread().isInterrupted());
    }
    return new ModelState(values);
  }

  private static void addParameter(Map<String, Object> values, String name, Tensor parameter) {
    values.put(name, bytes(parameter));
    values.put(name + " takes gradient", parameter.requires_grad());
    Tensor gradient = parameter.grad();
    values.put(name + " gradient", gradient.defined() ? bytes(gradient) : List.of());
    values.put(
        name + GRADIENT_IS, gradient.defined() ? gradient.unsafeGetTensorImpl().address() : 0L);
  }

  /** The elements' bits; of an expanded tensor, each as often as it shows. */
  private static List<Byte> bytes(Tensor tensor) {
    Tensor dense = (tensor.is_sparse() ? tensor.to_dense() : tensor).detach().contiguous().cpu();
    byte[] bytes = new byte[Math.toIntExact(dense.nbytes())];
    if (bytes.length > 0) {
      new BytePointer(dense.data_ptr()).get(bytes);
    }
    return list(bytes);
  }

  private static List<Byte> list(byte[] bytes) {
    List<Byte> list = new ArrayList<>(bytes.length);
    for (byte value : bytes) {
      list.add(value);
    }
    return list;
  }

  public void assertUnchangedIn(ModelState after) {
    assertThat(after.values.keySet()).isEqualTo(values.keySet());
    values.forEach((name, value) -> assertThat(after.values.get(name)).as(name).isEqualTo(value));
  }

  /** {@return the names of the values that are others} */
  public List<String> differencesTo(ModelState other) {
    return values.keySet().stream()
        .filter(name -> !values.get(name).equals(other.values.get(name)))
        .toList();
  }

  /** Of another model: the same values, in tensors of its own, whose addresses archives hold. */
  public void assertSameValuesAs(ModelState other) {
    assertThat(values.keySet()).isEqualTo(other.values.keySet());
    values.forEach(
        (name, value) -> {
          if (!name.endsWith(GRADIENT_IS) && !name.equals("optimizer")) {
            assertThat(value).as(name).isEqualTo(other.values.get(name));
          }
        });
  }
}

package org.lrfinder.testkit;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.ArchiveWriter;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What an optimizer saves of itself: the presets show no other way to its state. Written without
 * the code under test, which has an archive of its own.
 */
public final class OptimizerArchive {
  private final Map<String, String> parameters = new HashMap<>();
  private final Map<String, Object> entries = new TreeMap<>();

  private OptimizerArchive() {}

  /** {@return all of it, with the addresses of parameters} */
  public static byte[] bytes(Optimizer optimizer) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PointerScope scope = new PointerScope()) {
      ArchiveWriter writer =
          new ArchiveWriter() {
            @Override
            public long call(Pointer buffer, long count) {
              byte[] chunk = new byte[Math.toIntExact(count)];
              new BytePointer(buffer).get(chunk);
              bytes.writeBytes(chunk);
              return count;
            }
          };
      OutputArchive out = new OutputArchive();
      optimizer.save(out);
      out.save_to(writer);
    }
    return bytes.toByteArray();
  }

  /** {@return its entries by name, tensors as lists of numbers, parameters by their place in it} */
  public static Map<String, Object> entries(Optimizer optimizer) {
    OptimizerArchive archive = new OptimizerArchive();
    try (PointerScope scope = new PointerScope()) {
      OptimizerParamGroupVector groups = optimizer.param_groups();
      for (long g = 0; g < groups.size(); g++) {
        TensorVector inGroup = groups.get(g).params();
        for (long i = 0; i < inGroup.size(); i++) {
          archive.parameters.put(
              Long.toUnsignedString(inGroup.get(i).unsafeGetTensorImpl().address()),
              "group " + g + " parameter " + i);
        }
      }
      byte[] bytes = bytes(optimizer);
      InputArchive in = new InputArchive();
      in.load_from(new BytePointer(bytes), bytes.length);
      archive.read(in, "");
    }
    return archive.entries;
  }

  private void read(InputArchive archive, String path) {
    StringVector keys = archive.keys();
    for (long i = 0; i < keys.size(); i++) {
      String key = keys.get(i).getString();
      String name = path + "/" + parameters.getOrDefault(key, key);
      InputArchive inner = new InputArchive();
      IValue value = new IValue();
      if (archive.try_read(key, inner)) {
        read(inner, name);
      } else {
        archive.read(key, value);
        entries.put(name, value(value));
      }
    }
  }

  private Object value(IValue value) {
    if (value.isTensor()) {
      return numbers(value.toTensor());
    } else if (value.isString()) {
      String text = value.toStringRef().getString();
      return parameters.getOrDefault(text, text);
    } else if (value.isInt()) {
      return value.toInt();
    } else if (value.isDouble()) {
      return value.toDouble();
    } else if (value.isBool()) {
      return value.toBool();
    } else if (value.isTuple()) { // the betas
      return List.of(
          value.toTupleRef().elements().get(0).toDouble(),
          value.toTupleRef().elements().get(1).toDouble());
    }
    throw new IllegalArgumentException("an archive holds a " + value.tagKind().getString());
  }

  private static List<Double> numbers(Tensor tensor) {
    Tensor wide = tensor.detach().to(ScalarType.Double).contiguous().reshape(-1);
    List<Double> numbers = new ArrayList<>();
    for (long i = 0; i < wide.numel(); i++) {
      numbers.add(wide.get(i).item_double());
    }
    return numbers;
  }
}

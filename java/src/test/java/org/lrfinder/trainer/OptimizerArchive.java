package org.lrfinder.trainer;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DoubleVector;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.ModelState;

/** What an optimizer's archive says, entry by entry, with parameters by number, not by address. */
final class OptimizerArchive {
  private final Map<String, String> parameters = new TreeMap<>();
  private final Map<String, Object> entries = new TreeMap<>();

  private OptimizerArchive() {}

  /** Numbers as arrays, texts as they are. */
  static Map<String, Object> entries(Optimizer optimizer) {
    OptimizerArchive archive = new OptimizerArchive();
    try (PointerScope scope = new PointerScope()) {
      TensorVector all = optimizer.param_groups().get(0).params();
      for (long i = 0; i < all.size(); i++) {
        archive.parameters.put(
            Long.toUnsignedString(all.get(i).unsafeGetTensorImpl().address()), "parameter " + i);
      }
      List<Byte> list = ModelState.archive(optimizer);
      byte[] bytes = new byte[list.size()];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = list.get(i);
      }
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
      String name = path + "." + parameters.getOrDefault(key, key);
      Tensor tensor = new Tensor();
      InputArchive inner = new InputArchive();
      if (archive.try_read(key, tensor)) {
        Tensor wide = tensor.detach().to(ScalarType.Double).contiguous().reshape(-1);
        double[] values = new double[(int) wide.numel()];
        for (int j = 0; j < values.length; j++) {
          values[j] = wide.get(j).item_double();
        }
        entries.put(name, values);
      } else if (archive.try_read(key, inner)) {
        read(inner, name);
      } else {
        IValue value = new IValue();
        archive.read(key, value);
        entries.put(name, value(value));
      }
    }
  }

  private Object value(IValue value) {
    if (value.isString()) {
      String text = value.toStringRef().getString();
      return parameters.getOrDefault(text, text);
    } else if (value.isInt()) {
      return value.toInt();
    } else if (value.isDouble()) {
      return value.toDouble();
    } else if (value.isBool()) {
      return value.toBool();
    }
    return value.isDoubleList() ? doubles(value) : value.tagKind().getString();
  }

  private static List<Double> doubles(IValue value) {
    DoubleVector vector = value.toDoubleVector();
    return LongStream.range(0, vector.size()).mapToObj(vector::get).toList();
  }
}

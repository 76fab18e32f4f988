package org.lrfinder.trainer;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Tuple;
import org.bytedeco.pytorch.TupleElements;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.OptimizerArchive;
import org.lrfinder.internal.engine.SweptOptimizer;

/**
 * An optimizer's archive, or a part of it, as plain values that a file can hold: one of these is
 * not null. So libtorch reads no archive but those that it wrote itself.
 *
 * @param tensor its number; less than 0 if it is not defined
 * @param parts of an archive, by their keys
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record OptimizerValue(
    @Nullable Integer tensor,
    @Nullable Long whole,
    @Nullable Double real,
    @Nullable Boolean flag,
    @Nullable String text,
    @Nullable List<OptimizerValue> tuple,
    @Nullable Map<String, OptimizerValue> parts) {
  private static final Pattern KEY = Pattern.compile("[A-Za-z0-9_/]{1,100}");
  private static final int UNDEFINED = -1;
  private static final int MOST_LEVELS = 8;

  /** {@return what an optimizer saves; its tensors are given numbers} */
  static OptimizerValue of(Optimizer optimizer, ToIntFunction<Tensor> numbers) {
    return of(OptimizerArchive.reread(optimizer::save), numbers);
  }

  private static OptimizerValue of(InputArchive archive, ToIntFunction<Tensor> numbers) {
    Map<String, OptimizerValue> parts = new LinkedHashMap<>();
    StringVector keys = archive.keys();
    for (long i = 0; i < keys.size(); i++) {
      String key = keys.get(i).getString();
      IValue value = new IValue();
      archive.read(key, value);
      if (value.isModule()) {
        InputArchive inner = new InputArchive();
        archive.read(key, inner);
        parts.put(key, of(inner, numbers));
      } else {
        parts.put(key, of(key, value, numbers));
      }
    }
    return new OptimizerValue(null, null, null, null, null, null, parts);
  }

  private static OptimizerValue of(String key, IValue value, ToIntFunction<Tensor> numbers) {
    if (value.isTensor()) {
      Tensor tensor = value.toTensor();
      int number = tensor.defined() ? numbers.applyAsInt(tensor) : UNDEFINED;
      return new OptimizerValue(number, null, null, null, null, null, null);
    }
    if (value.isInt()) {
      return new OptimizerValue(null, value.toInt(), null, null, null, null, null);
    }
    if (value.isDouble()) {
      return new OptimizerValue(null, null, value.toDouble(), null, null, null, null);
    }
    if (value.isBool()) {
      return new OptimizerValue(null, null, null, value.toBool(), null, null, null);
    }
    if (value.isString()) {
      String text = value.toStringRef().getString();
      return new OptimizerValue(null, null, null, null, text, null, null);
    }
    if (value.isTuple()) {
      TupleElements elements = value.toTuple().elements();
      List<OptimizerValue> tuple = new ArrayList<>();
      for (long i = 0; i < elements.size(); i++) {
        tuple.add(of(key, elements.get(i), numbers));
      }
      return new OptimizerValue(null, null, null, null, null, tuple, null);
    }
    throw new IllegalArgumentException(
        "the optimizer has \"%s\", which a checkpoint cannot hold".formatted(key));
  }

  /**
   * Loads an optimizer, whose state goes to where its parameters are.
   *
   * @param tensors by their numbers
   * @throws IllegalArgumentException if this is no archive of such an optimizer, the optimizer may
   *     be changed then
   */
  void load(Optimizer optimizer, IntFunction<Tensor> tensors) {
    Map<String, Tensor> parameters = parameters(optimizer);
    IntFunction<Tensor> all = number -> number < 0 ? new Tensor() : tensors.apply(number);
    Map<String, OptimizerValue> archive = parts();
    require(archive != null, "there is no archive");
    part("pytorch_version"); // else libtorch reads it as one from before 1.5, with other names
    optimizer.load(
        OptimizerArchive.reread(
            out ->
                archive.forEach(
                    (key, value) -> {
                      if (key.equals("state") && value.parts != null) {
                        out.write(key, stateArchive(out, value.parts, parameters, tensors));
                      } else {
                        value.write(out, key, all, MOST_LEVELS);
                      }
                    })));
    requireWholeStates(optimizer);
  }

  /** libtorch takes a state that lacks a tensor, and the step that needs it a null pointer. */
  private static void requireWholeStates(Optimizer optimizer) {
    if (!SweptOptimizer.has(optimizer)) {
      return; // a class of the user's, of whose states nothing is known
    }
    SweptOptimizer kind = SweptOptimizer.of(optimizer);
    OptimizerValue loaded = of(optimizer, tensor -> 0);
    OptimizerParamGroupVector groups = optimizer.param_groups();
    for (long g = 0; g < groups.size(); g++) {
      OptimizerValue group = loaded.part("param_groups").part("param_groups/" + g);
      int needed = kind.statesPerParameter(groups.get(g));
      for (long i = 0; i < groups.get(g).params().size(); i++) {
        OptimizerValue state =
            Objects.requireNonNull(loaded.part("state").parts).get(group.part("params/" + i).text);
        require(
            state == null || state.definedTensors() >= needed,
            "the state of a parameter lacks a tensor");
      }
    }
  }

  private long definedTensors() {
    return parts == null
        ? 0
        : parts.values().stream().filter(v -> v.tensor != null && v.tensor >= 0).count();
  }

  /** Of each parameter: the kernels that update take it that these are as large. */
  private static OutputArchive stateArchive(
      OutputArchive of,
      Map<String, OptimizerValue> states,
      Map<String, Tensor> parameters,
      IntFunction<Tensor> tensors) {
    OutputArchive out = new OutputArchive(of.compilation_unit());
    states.forEach(
        (name, state) -> {
          Tensor parameter = parameters.get(name);
          require(parameter != null, "there is the state of a parameter that no group has");
          state.write(
              out,
              name,
              number -> {
                if (number < 0) {
                  return new Tensor();
                }
                Tensor tensor = tensors.apply(number);
                require(
                    Arrays.equals(tensor.shape(), parameter.shape())
                        && tensor.scalar_type().intern() == parameter.scalar_type().intern(),
                    "a state is of another type or shape than its parameter");
                return tensor.to(parameter.device(), tensor.scalar_type());
              },
              MOST_LEVELS);
        });
    return out;
  }

  /** By the names that the archive has for them. */
  private Map<String, Tensor> parameters(Optimizer optimizer) {
    Map<String, Tensor> byName = new HashMap<>();
    OptimizerParamGroupVector groups = optimizer.param_groups();
    OptimizerValue saved = part("param_groups");
    for (long g = 0; g < groups.size(); g++) {
      TensorVector inGroup = groups.get(g).params();
      OptimizerValue group = saved.part("param_groups/" + g);
      for (long i = 0; i < inGroup.size(); i++) {
        String name = group.part("params/" + i).text;
        require(name != null, "a parameter has no name");
        byName.put(name, inGroup.get(i));
      }
    }
    return byName;
  }

  private OptimizerValue part(String key) {
    OptimizerValue part = parts == null ? null : parts.get(key);
    require(part != null, "there is no " + key);
    return part;
  }

  private void write(OutputArchive out, String key, IntFunction<Tensor> tensors, int levels) {
    require(KEY.matcher(key).matches(), "a name is no word");
    require(levels > 0, "it is nested too deep");
    if (parts != null) {
      OutputArchive inner = new OutputArchive(out.compilation_unit());
      parts.forEach((name, part) -> part.write(inner, name, tensors, levels - 1));
      out.write(key, inner);
    } else {
      out.write(key, value(tensors));
    }
  }

  private IValue value(IntFunction<Tensor> tensors) {
    if (tensor != null) {
      return new IValue(tensors.apply(tensor));
    }
    if (whole != null) {
      return new IValue(whole.longValue());
    }
    if (real != null) {
      return new IValue(real.doubleValue());
    }
    if (flag != null) {
      return new IValue(flag.booleanValue());
    }
    if (text != null) {
      return new IValue(text);
    }
    require(tuple != null, "there is nothing where a value should be");
    IValueVector elements = new IValueVector();
    tuple.forEach(element -> elements.push_back(element.value(tensors)));
    return new IValue(Tuple.create(elements));
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}

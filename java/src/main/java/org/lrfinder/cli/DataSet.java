package org.lrfinder.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;
import org.lrfinder.sweep.Loss;

/**
 * What a network learns from. Its tensors are the caller's scope's.
 *
 * @param name of the file or files, for messages
 * @param task what kind of target there is
 * @param inputs one row each; of a table Float, shape {@code [rows, features]}
 * @param targets classes: Long, of a table of shape {@code [rows]}; numbers: of a table Float,
 *     shape {@code [rows, 1]}
 * @param outputs what a network's last layer needs: the number of classes, or of numbers in a row
 */
record DataSet(String name, Task task, Tensor inputs, Tensor targets, int outputs) {
  // More different whole numbers than these are taken for a quantity.
  private static final int MOST_CLASSES = 20;
  private static final long IGNORED = -100; // a class, by PyTorch's losses

  /** What the target is. */
  enum Task {
    CLASSIFICATION,
    REGRESSION
  }

  /**
   * Makes tensors of a table; each column is standardised, and so is a numeric target.
   *
   * @param task null to tell by the target's values: words, or whole numbers of at most 20 kinds,
   *     are classes
   */
  static DataSet of(Table table, @Nullable Task task) {
    return of(table, task, null);
  }

  /**
   * Makes tensors of a table, as the loss needs its target.
   *
   * @param loss null if the task says which
   */
  static DataSet of(Table table, @Nullable Task task, @Nullable Loss loss) {
    Task resolved = task != null ? task : loss != null ? LossOption.taskOf(loss) : taskOf(table);
    if (loss != null && resolved != LossOption.taskOf(loss)) {
      throw new InputException(
          "--loss %s does not go with --task %s"
              .formatted(LossOption.name(loss), resolved.name().toLowerCase(Locale.ROOT)));
    }
    int rows = table.rows();
    int features = table.width() - 1;
    float[] inputs = new float[rows * features];
    for (int i = 0; i < features; i++) {
      double[] values = standardised(table.numbers(i < table.target() ? i : i + 1));
      for (int row = 0; row < rows; row++) {
        inputs[row * features + i] = (float) values[row];
      }
    }
    Tensor inputTensor = Tensor.create(inputs, rows, features);
    if (resolved == Task.REGRESSION) {
      if (loss == Loss.KL_DIVERGENCE) {
        throw new InputException(
            "--loss kl_divergence compares distributions, of which a table's target is none: take --inputs and --targets");
      }
      Tensor numbers = Tensor.create(standardised(table.numbers(table.target())), rows, 1);
      return new DataSet(table.name(), resolved, inputTensor, numbers.to(ScalarType.Float), 1);
    }
    table.requireClasses();
    int classes = table.values().size();
    Tensor indices = Tensor.create(classIndices(table));
    if (loss != Loss.BINARY_CROSS_ENTROPY_WITH_LOGITS) {
      return new DataSet(table.name(), resolved, inputTensor, indices, classes);
    }
    if (classes > 2) {
      throw new InputException(
          "--loss %s needs a target of two classes, but that of %s has %d"
              .formatted(LossOption.name(loss), table.name(), classes));
    }
    Tensor probabilities = indices.to(ScalarType.Float).view(rows, 1);
    return new DataSet(table.name(), resolved, inputTensor, probabilities, 1);
  }

  /**
   * Takes two arrays, in which nothing is standardised.
   *
   * @param loss null to take cross entropy for targets that are whole numbers or truth values, else
   *     mean squared error
   * @param type of all numbers but whole ones that stay such, which become Long
   * @param wholeInputs whether inputs that are whole numbers stay such, as embeddings take them;
   *     targets do where the loss takes class indices
   */
  static DataSet of(
      ArrayFile inputs,
      ArrayFile targets,
      @Nullable Loss loss,
      ScalarType type,
      boolean wholeInputs,
      Limits limits)
      throws InterruptedException {
    Tensor x = inputs.read(limits);
    x = wholeInputs && isWhole(x) ? indices(inputs, x) : numbers(inputs, x, type);
    Tensor y = targets.read(limits);
    if (x.size(0) != y.size(0)) {
      throw new InputException(
          "%s has %d rows and %s %d: they must have as many"
              .formatted(inputs, x.size(0), targets, y.size(0)));
    }
    String name = inputs + " and " + targets;
    boolean whole = isWhole(y) || y.scalar_type().intern() == ScalarType.Bool;
    if (!whole && loss == Loss.NEGATIVE_LOG_LIKELIHOOD) {
      throw new InputException(
          "%s has numbers with a point, but --loss %s needs classes: store y.astype('int64')"
              .formatted(targets, LossOption.name(loss)));
    }
    if (whole && (loss == null || LossOption.takesIndices(loss))) {
      Tensor indices = indices(targets, y);
      return new DataSet(name, Task.CLASSIFICATION, x, indices, classes(targets, indices, limits));
    }
    Tensor numbers = numbers(targets, y, type);
    long outputs = numbers.dim() == 1 ? 1 : numbers.numel() / numbers.size(0);
    // Of such a size, a network is refused for its number of parameters.
    return new DataSet(
        name, Task.REGRESSION, x, numbers, (int) Math.min(outputs, Integer.MAX_VALUE));
  }

  private static boolean isWhole(Tensor array) {
    return NpyReader.isIntegral(array.scalar_type().intern());
  }

  /** Closes the array, which may be as large. */
  private static Tensor indices(ArrayFile file, Tensor array) {
    Tensor whole = array.to(ScalarType.Long);
    boolean mayBeBeyond = array.scalar_type().intern() == ScalarType.UInt64;
    array.close();
    if (mayBeBeyond && whole.min().item_long() < 0) {
      throw new InputException(file + " has a number beyond " + Long.MAX_VALUE);
    }
    return whole;
  }

  /** Closes the array, which may be as large. */
  private static Tensor numbers(ArrayFile file, Tensor array, ScalarType type) {
    Tensor numbers = array.to(type);
    array.close();
    try (PointerScope scope = new PointerScope()) {
      Tensor wrong = numbers.isfinite().logical_not_();
      if (wrong.any().item_bool()) {
        long first = wrong.view(-1).to(ScalarType.Byte).argmax().item_long();
        throw new InputException(
            "%s has a number that is not finite, or too large for %s, in row %d, counted from 0"
                .formatted(file, type, first / (numbers.numel() / numbers.size(0))));
      }
    }
    return numbers;
  }

  private static int classes(ArrayFile file, Tensor indices, Limits limits) {
    long least = indices.min().item_long();
    long most = indices.max().item_long();
    if (least < 0 && (least != IGNORED || most < 0)) {
      throw new InputException(
          "%s has the class %d, but must have classes from 0 on, or %d for what does not count"
              .formatted(file, least, IGNORED));
    }
    InputException.ifRefused(() -> limits.require(most, Limit.CLASSES, file));
    return (int) most + 1;
  }

  private static Task taskOf(Table table) {
    if (table.hasWords()) {
      return Task.CLASSIFICATION;
    }
    List<String> values = table.values();
    boolean few = !values.isEmpty() && values.size() <= MOST_CLASSES;
    return few && values.stream().map(Double::valueOf).allMatch(value -> value == Math.rint(value))
        ? Task.CLASSIFICATION
        : Task.REGRESSION;
  }

  /** By the order of the target's different values: numbers by size, words by the alphabet. */
  private static long[] classIndices(Table table) {
    List<String> values = table.values();
    List<String> sorted = new ArrayList<>(values);
    sorted.sort(
        table.hasWords() ? Comparator.naturalOrder() : Comparator.comparing(Double::valueOf));
    long[] rank = new long[values.size()];
    Map<String, Integer> ranks = new HashMap<>();
    for (int i = 0; i < rank.length; i++) {
      ranks.put(sorted.get(i), i);
    }
    Arrays.setAll(rank, value -> ranks.get(values.get(value)));
    long[] indices = new long[table.rows()];
    Arrays.setAll(indices, row -> rank[table.value(row)]);
    return indices;
  }

  /** Mean 0 and population deviation 1; a constant becomes 0. Changes the values. */
  private static double[] standardised(double[] values) {
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    for (double value : values) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    if (least == most) {
      return new double[values.length];
    }
    // By a power of two, which is exact: squares of 1e308 would overflow, of 1e-200 be zero.
    int exponent = Math.getExponent(Math.max(-least, most));
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.scalb(values[i], -exponent);
    }
    double mean = Arrays.stream(values).average().orElseThrow();
    double deviation =
        Math.sqrt(Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElseThrow());
    Arrays.setAll(values, i -> (values[i] - mean) / deviation);
    return values;
  }

  /** {@return the same rows with all numbers but whole ones of some type} */
  DataSet as(ScalarType type) {
    return with(
        inputs.scalar_type().intern() == ScalarType.Long ? inputs : inputs.to(type),
        targets.scalar_type().intern() == ScalarType.Long ? targets : targets.to(type));
  }

  /** {@return the same rows on a device} */
  DataSet on(String device) {
    try (Device there = Devices.of(device)) {
      return with(inputs.to(there, inputs.scalar_type()), targets.to(there, targets.scalar_type()));
    }
  }

  DataSet with(Tensor otherInputs, Tensor otherTargets) {
    return new DataSet(name, task, otherInputs, otherTargets, outputs);
  }

  int rows() {
    return Math.toIntExact(inputs.size(0));
  }

  int features() {
    return Math.toIntExact(inputs.size(1));
  }

  /** What there is, in words. */
  String words() {
    long[] shape = inputs.shape();
    return "%s: %d rows, %s, %s"
        .formatted(
            name,
            rows(),
            shape.length > 2
                ? "inputs of shape " + Arrays.toString(Arrays.copyOfRange(shape, 1, shape.length))
                : (shape.length == 1 ? 1 : shape[1]) + " inputs",
            task == Task.REGRESSION
                ? (outputs == 1 ? "a number" : outputs + " numbers") + " to predict"
                : Math.max(outputs, 2) + " classes"); // two, of which one output decides
  }
}

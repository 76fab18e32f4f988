package org.lrfinder.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.Devices;

/**
 * What a network learns from. Its tensors are the caller's scope's.
 *
 * @param task what kind of target there is
 * @param inputs Float, shape {@code [rows, features]}
 * @param targets classes: Long, shape {@code [rows]}; numbers: Float, shape {@code [rows, 1]}
 * @param outputs what a network's last layer needs: the number of classes, or 1
 */
record DataSet(Task task, Tensor inputs, Tensor targets, int outputs) {
  // More different whole numbers than these are taken for a quantity.
  private static final int MOST_CLASSES = 20;

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
    Task resolved = task != null ? task : taskOf(table);
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
    if (resolved == Task.CLASSIFICATION) {
      table.requireClasses();
      long[] indices = classIndices(table);
      return new DataSet(resolved, inputTensor, Tensor.create(indices), table.values().size());
    }
    Tensor numbers = Tensor.create(standardised(table.numbers(table.target())), rows, 1);
    return new DataSet(resolved, inputTensor, numbers.to(ScalarType.Float), 1);
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

  /** {@return the same rows on a device} */
  DataSet on(String device) {
    try (Device there = Devices.of(device)) {
      return new DataSet(
          task,
          inputs.to(there, inputs.scalar_type()),
          targets.to(there, targets.scalar_type()),
          outputs);
    }
  }

  int rows() {
    return Math.toIntExact(inputs.size(0));
  }

  int features() {
    return Math.toIntExact(inputs.size(1));
  }
}

package org.lrfinder.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
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
  static DataSet of(Table table, String targetColumn, @Nullable Task task) {
    int target = table.column(targetColumn);
    int[] features =
        IntStream.range(0, table.columns().size()).filter(column -> column != target).toArray();
    if (features.length == 0) {
      throw new InputException(
          "%s has no column beside the target %s".formatted(table.name(), targetColumn));
    }
    int rows = table.rows().size();
    float[] inputs = new float[rows * features.length];
    for (int i = 0; i < features.length; i++) {
      double[] values = standardised(table.numbers(features[i]));
      for (int row = 0; row < rows; row++) {
        inputs[row * features.length + i] = (float) values[row];
      }
    }
    Task resolved = task != null ? task : taskOf(table.cells(target));
    Tensor inputTensor = Tensor.create(inputs, rows, features.length);
    if (resolved == Task.CLASSIFICATION) {
      List<String> classes = classes(table, target);
      long[] indices = table.cells(target).stream().mapToLong(classes::indexOf).toArray();
      return new DataSet(resolved, inputTensor, Tensor.create(indices), classes.size());
    }
    Tensor numbers = Tensor.create(standardised(table.numbers(target)), rows, 1);
    return new DataSet(resolved, inputTensor, numbers.to(ScalarType.Float), 1);
  }

  private static Task taskOf(List<String> cells) {
    Set<String> different = new LinkedHashSet<>(cells);
    boolean words = different.stream().anyMatch(cell -> Table.number(cell) == null);
    boolean whole =
        !words
            && different.stream().map(Table::number).allMatch(value -> value == Math.rint(value));
    return words || (whole && different.size() <= MOST_CLASSES)
        ? Task.CLASSIFICATION
        : Task.REGRESSION;
  }

  /** The target's different values, numbers by size, words by the alphabet. */
  private static List<String> classes(Table table, int target) {
    List<String> classes = new ArrayList<>(new LinkedHashSet<>(table.cells(target)));
    if (classes.size() < 2) {
      throw new InputException(
          "%s, column %s: every row has the class %s; at least two classes are needed"
              .formatted(table.name(), table.columns().get(target), classes.get(0)));
    }
    boolean numbers = classes.stream().allMatch(cell -> Table.number(cell) != null);
    classes.sort(numbers ? Comparator.comparing(Double::valueOf) : Comparator.naturalOrder());
    return classes;
  }

  /** Mean 0 and population deviation 1; a constant becomes 0. */
  private static double[] standardised(double[] values) {
    double mean = Arrays.stream(values).average().orElse(0);
    double deviation =
        Math.sqrt(Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElse(0));
    return Arrays.stream(values).map(v -> deviation > 0 ? (v - mean) / deviation : 0).toArray();
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

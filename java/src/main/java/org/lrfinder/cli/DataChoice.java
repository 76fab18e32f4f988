package org.lrfinder.cli;

import java.nio.file.Path;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.models.Limits;
import org.lrfinder.sweep.Loss;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Options of {@code find}: what the network learns from, a table or two arrays. */
final class DataChoice {
  @ArgGroup(exclusive = false)
  private @Nullable TableChoice table;

  @ArgGroup(exclusive = false)
  private @Nullable ArrayChoice arrays;

  /** A table. */
  static final class TableChoice {
    @Option(
        names = "--data",
        required = true,
        paramLabel = "FILE",
        description =
            "CSV file in UTF-8 with a header line, or the same gzipped; - reads the standard input. Columns are standardised.")
    private Path data;

    @Option(
        names = "--target",
        required = true,
        paramLabel = "COLUMN",
        description = "Column to predict; all others are inputs.")
    private String target;

    @Option(
        names = "--task",
        paramLabel = "TASK",
        description =
            "classification or regression. Default: classification if the target has words, or whole numbers of at most 20 kinds; else regression.")
    private DataSet.@Nullable Task task;
  }

  /** Arrays. */
  static final class ArrayChoice {
    @Option(
        names = "--inputs",
        required = true,
        paramLabel = "ARRAY",
        converter = ArrayFile.Converter.class,
        description =
            "In place of a table: NumPy's .npy, or .npz with the array's name, such as data.npz:x; a row for each example, of any shape. Nothing is standardised.")
    private ArrayFile inputs;

    @Option(
        names = "--targets",
        required = true,
        paramLabel = "ARRAY",
        converter = ArrayFile.Converter.class,
        description = "Likewise what is to be predicted: whole numbers are classes.")
    private ArrayFile targets;
  }

  /**
   * Reads it.
   *
   * @param loss null to tell it by the data
   * @param type of the network's parameters
   * @param wholeInputs whether whole numbers stay such as inputs
   */
  DataSet read(@Nullable Loss loss, ScalarType type, boolean wholeInputs, Limits limits)
      throws InterruptedException {
    if (arrays != null) {
      return DataSet.of(arrays.inputs, arrays.targets, loss, type, wholeInputs, limits);
    }
    return DataSet.of(Table.read(table.data, table.target, limits), table.task, loss).as(type);
  }
}

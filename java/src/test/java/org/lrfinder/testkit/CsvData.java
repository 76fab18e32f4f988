package org.lrfinder.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.bytedeco.pytorch.Tensor;

/**
 * A file of {@code src/data} in float64: pixels of digits from 0 to 1, other columns standardised;
 * the last column is the target, class indices or, of diabetes, a standardised number.
 */
public record CsvData(Tensor inputs, Tensor targets) {
  public static CsvData load(String name) {
    Path file = Path.of(System.getProperty("lrfinder.data", "src/data"), name + ".csv.gz");
    List<double[]> rows;
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      rows =
          reader
              .lines()
              .skip(1)
              .map(line -> Stream.of(line.split(",")).mapToDouble(Double::parseDouble).toArray())
              .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int columns = rows.get(0).length - 1;
    double[][] scaled =
        IntStream.range(0, columns)
            .mapToObj(column -> column(rows, column))
            .map(values -> name.equals("digits") ? pixels(values) : standardised(values))
            .toArray(double[][]::new);
    double[] inputs = new double[rows.size() * columns];
    Arrays.setAll(inputs, i -> scaled[i % columns][i / columns]);
    double[] targets = column(rows, columns);
    return new CsvData(
        Tensor.create(inputs, rows.size(), columns),
        name.equals("diabetes")
            ? Tensor.create(standardised(targets), rows.size(), 1)
            : Tensor.create(Arrays.stream(targets).mapToLong(Math::round).toArray()));
  }

  private static double[] column(List<double[]> rows, int column) {
    return rows.stream().mapToDouble(row -> row[column]).toArray();
  }

  private static double[] pixels(double[] values) {
    return Arrays.stream(values).map(v -> v / 16).toArray();
  }

  private static double[] standardised(double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    double variance =
        Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
    return Arrays.stream(values).map(v -> (v - mean) / Math.sqrt(variance)).toArray();
  }
}

package org.lrfinder.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.cli.Network;
import org.lrfinder.sweep.TensorBatches;

/**
 * A classification task of {@code benchmarks/tasks}: three quarters of the rows train, the rest
 * validate, after a permutation with a fixed seed.
 */
final class QualityTask {
  private static final long SPLIT_SEED = 0;

  private final Path folder;
  private final JsonNode json;
  private final Tensor trainInputs;
  private final Tensor trainTargets;
  final Tensor validationInputs;
  final Tensor validationTargets;

  QualityTask(Path file) throws IOException {
    folder = file.toAbsolutePath().getParent();
    json = new ObjectMapper().readTree(file.toFile());
    double[][] rows = rows();
    int columns = rows[0].length - 1;
    double[] values = new double[rows.length * columns];
    long[] classes = new long[rows.length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, values, i * columns, columns);
      classes[i] = (long) rows[i][columns];
    }
    scale(values, columns);
    Tensor inputs = Tensor.create(values, rows.length, columns).to(ScalarType.Float);
    Tensor targets = Tensor.create(classes);
    torch.manual_seed(SPLIT_SEED);
    Tensor order = torch.randperm(rows.length);
    int train = rows.length * 3 / 4;
    Tensor first = order.narrow(0, 0, train);
    Tensor rest = order.narrow(0, train, rows.length - train);
    trainInputs = inputs.index_select(0, first);
    trainTargets = targets.index_select(0, first);
    validationInputs = inputs.index_select(0, rest);
    validationTargets = targets.index_select(0, rest);
  }

  String name() {
    return json.get("name").asText();
  }

  int steps() {
    return json.get("steps").asInt();
  }

  TensorBatches batches(long seed) {
    return TensorBatches.of(trainInputs, trainTargets, json.get("batch_size").asInt())
        .shuffled(seed);
  }

  Network network(long seed) throws IOException {
    torch.manual_seed(seed);
    Network network = Network.of(json.get("model"));
    if (json.has("parameters_file")) {
      warmStart(network, folder.resolve(json.get("parameters_file").asText()));
    }
    return network;
  }

  Optimizer optimizer(Network network, double lr) {
    TensorVector parameters = network.module().parameters();
    JsonNode options = json.get("optimizer").path("options");
    String type = json.get("optimizer").get("type").asText();
    return switch (type) {
      case "sgd" -> {
        SGDOptions sgd = new SGDOptions(lr);
        sgd.momentum().put(options.path("momentum").asDouble(0));
        yield new SGD(parameters, sgd);
      }
      case "adam" -> new Adam(parameters, new AdamOptions(lr));
      case "adamw" -> new AdamW(parameters, new AdamWOptions(lr));
      case "rmsprop" -> new RMSprop(parameters, new RMSpropOptions(lr));
      default -> throw new IllegalArgumentException("no optimizer " + type);
    };
  }

  /** Standardises by column, unless the task says what to divide by. */
  private void scale(double[] values, int columns) {
    if (json.has("scale")) {
      double divisor = json.get("scale").asDouble();
      Arrays.setAll(values, i -> values[i] / divisor);
      return;
    }
    int rows = values.length / columns;
    for (int c = 0; c < columns; c++) {
      double sum = 0;
      double squares = 0;
      for (int i = c; i < values.length; i += columns) {
        sum += values[i];
        squares += values[i] * values[i];
      }
      double mean = sum / rows;
      double deviation = Math.sqrt(Math.max(squares / rows - mean * mean, 0));
      for (int i = c; i < values.length; i += columns) {
        values[i] = (values[i] - mean) / (deviation > 0 ? deviation : 1);
      }
    }
  }

  /** A file beside the task, or the digits that the library's jar brings. */
  private double[][] rows() throws IOException {
    String data = json.get("data").asText();
    try (InputStream in =
            data.endsWith(".csv.gz")
                ? Files.newInputStream(folder.resolve(data))
                : Network.class.getResourceAsStream(data + ".csv.gz");
        BufferedReader reader =
            new BufferedReader(
                new InputStreamReader(new GZIPInputStream(in), StandardCharsets.US_ASCII))) {
      List<String> lines = reader.lines().skip(1).toList();
      return lines.stream()
          .map(line -> List.of(line.split(",")).stream().mapToDouble(Double::parseDouble).toArray())
          .toArray(double[][]::new);
    }
  }

  private static void warmStart(Network network, Path file) throws IOException {
    JsonNode saved = new ObjectMapper().readTree(file.toFile());
    TensorVector parameters = network.module().parameters();
    NoGradGuard noGrad = new NoGradGuard();
    int i = 0;
    for (JsonNode parameter : saved) { // in the order of the layers, weight before bias
      double[] values = new double[parameter.get("values").size()];
      for (int k = 0; k < values.length; k++) {
        values[k] = parameter.get("values").get(k).asDouble();
      }
      Tensor target = parameters.get(i++);
      target.view(-1).copy_(Tensor.create(values));
    }
    noGrad.close();
  }
}

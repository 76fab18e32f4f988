package org.lrfinder.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.EngineTraining;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.models.Network;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepSettings;

/**
 * A task of {@code benchmarks/tasks}: three quarters of the rows train, the rest validate, after a
 * permutation with a fixed seed. Columns are standardised unless the task has a {@code scale}, and
 * so are the targets of a regression.
 */
final class QualityTask {
  private static final long SPLIT_SEED = 0;

  private final JsonNode json;
  private final Optional<JsonNode> parameters;
  private final String contentHash;
  private final Tensor trainInputs;
  private final Tensor trainTargets;
  private final Batch validation;

  /**
   * Reads a task.
   *
   * @param file of the task; its data and parameters may lie beside it
   * @param data folder of the other data sets
   */
  QualityTask(Path file, Path data) throws IOException {
    byte[] text = Files.readAllBytes(file);
    json = new ObjectMapper().readTree(text);
    String name = json.get("data").asText();
    byte[] table =
        Files.readAllBytes(
            name.endsWith(".csv.gz") ? file.resolveSibling(name) : data.resolve(name + ".csv.gz"));
    byte[] saved =
        json.has("parameters_file")
            ? Files.readAllBytes(file.resolveSibling(json.get("parameters_file").asText()))
            : new byte[0];
    parameters =
        saved.length == 0 ? Optional.empty() : Optional.of(new ObjectMapper().readTree(saved));
    contentHash = hash(text, table, saved);

    double[][] rows = rows(table);
    int columns = rows[0].length - 1;
    double[] values = new double[rows.length * columns];
    double[] targets = new double[rows.length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, values, i * columns, columns);
      targets[i] = rows[i][columns];
    }
    if (json.has("scale")) {
      double divisor = json.get("scale").asDouble();
      Arrays.setAll(values, i -> values[i] / divisor);
    } else {
      standardise(values, columns);
    }
    Tensor inputs = Tensor.create(values, rows.length, columns).to(ScalarType.Float);
    Tensor outputs = targets(targets);
    torch.manual_seed(SPLIT_SEED);
    Tensor order = torch.randperm(rows.length);
    int train = rows.length * 3 / 4;
    Tensor first = order.narrow(0, 0, train);
    Tensor rest = order.narrow(0, train, rows.length - train);
    trainInputs = inputs.index_select(0, first);
    trainTargets = outputs.index_select(0, first);
    validation = new Batch(inputs.index_select(0, rest), outputs.index_select(0, rest));
  }

  /** {@return a number of what the task is: of its text, its data and its parameters} */
  String contentHash() {
    return contentHash;
  }

  String name() {
    return json.get("name").asText();
  }

  int steps() {
    return json.get("steps").asInt();
  }

  Loss loss() {
    return Loss.valueOf(json.get("loss").asText().toUpperCase(Locale.ROOT));
  }

  Batch validation() {
    return validation;
  }

  TensorBatches batches(long seed) {
    return TensorBatches.of(trainInputs, trainTargets, json.get("batch_size").asInt())
        .shuffled(seed);
  }

  Network network(long seed) {
    torch.manual_seed(seed);
    Network network = Network.of(json.get("model"));
    parameters.ifPresent(saved -> warmStart(network, saved));
    return network;
  }

  Optimizer optimizer(Network network, double lr) {
    JsonNode spec = json.get("optimizer");
    Map<String, Object> options = new HashMap<>();
    spec.path("options")
        .properties()
        .forEach(option -> options.put(option.getKey(), option.getValue().asDouble()));
    return OptimizerKind.valueOf(spec.get("type").asText().toUpperCase(Locale.ROOT))
        .over(network.module().parameters(), lr, options);
  }

  /**
   * Trains while the rate falls linearly to zero.
   *
   * @return the validation loss at the end; NaN if it diverged
   */
  double train(double lr, long seed) {
    try (PointerScope scope = new PointerScope()) {
      Network network = network(seed);
      Optimizer optimizer = optimizer(network, lr);
      OptimizerOptions options = optimizer.param_groups().get(0).options();
      TensorBatches batches = batches(seed);
      try (EngineTraining training = start(network, optimizer)) {
        int step = 0;
        for (long epoch = 0; step < steps(); epoch++) {
          for (Iterator<Batch> walk = batches.epoch(epoch); walk.hasNext() && step < steps(); ) {
            options.set_lr(lr * (1 - step / (double) steps()));
            training.step(walk.next(), loss());
            if (!Double.isFinite(training.loss())) {
              return Double.NaN;
            }
            step++;
          }
        }
        return validationLoss(network, training);
      }
    }
  }

  /** {@return the validation loss of a network that is not trained} */
  double startLoss(long seed) {
    try (PointerScope scope = new PointerScope()) {
      Network network = network(seed);
      try (EngineTraining training = start(network, optimizer(network, 0))) {
        return validationLoss(network, training);
      }
    }
  }

  private static EngineTraining start(Network network, Optimizer optimizer) {
    return Engines.of(EngineChoice.NATIVE)
        .train(network.module(), optimizer, StepSettings.builder().threads(1).build(), false, null);
  }

  private double validationLoss(Network network, EngineTraining training) {
    network.module().eval();
    return training.evaluate(validation, loss());
  }

  /** Class indices, or standardised numbers of one column. */
  private Tensor targets(double[] values) {
    if (json.get("task").asText().equals("classification")) {
      return Tensor.create(Arrays.stream(values).mapToLong(value -> (long) value).toArray());
    }
    standardise(values, 1);
    return Tensor.create(values, values.length, 1).to(ScalarType.Float);
  }

  private static void standardise(double[] values, int columns) {
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

  private static double[][] rows(byte[] table) throws IOException {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(new ByteArrayInputStream(table)), StandardCharsets.US_ASCII))) {
      return reader
          .lines()
          .skip(1)
          .map(line -> List.of(line.split(",")).stream().mapToDouble(Double::parseDouble).toArray())
          .toArray(double[][]::new);
    }
  }

  private static void warmStart(Network network, JsonNode saved) {
    TensorVector parameters = network.module().parameters();
    try (NoGradGuard noGrad = new NoGradGuard()) {
      int i = 0;
      for (JsonNode parameter : saved) { // in the order of the layers, weight before bias
        double[] values = new double[parameter.get("values").size()];
        Arrays.setAll(values, k -> parameter.get("values").get(k).asDouble());
        parameters.get(i++).view(-1).copy_(Tensor.create(values));
      }
    }
  }

  private static String hash(byte[]... parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (byte[] part : parts) {
        // Each part by itself: what ends one and begins the next must not be mistaken.
        digest.update(MessageDigest.getInstance("SHA-256").digest(part));
      }
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }
}

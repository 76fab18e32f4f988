package org.lrfinder.benchmarks.quality;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.EngineTraining;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepSettings;

/**
 * A task of {@code benchmarks/tasks}: three quarters of the rows train, the rest validate, after a
 * permutation with a fixed seed. Columns are standardised unless the task has a {@code scale}, and
 * so are the targets of a regression.
 */
final class Task {
  private static final long SPLIT_SEED = 0;
  private static final double WARM_UP_LR = 1e-3;

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
  Task(Path file, Path data) throws IOException {
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
    contentHash = Digest.of(text, table, saved);

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

  /** {@return the network's name and that of what updates it} */
  Name parts() {
    return Name.of(name());
  }

  /** A task's name: of its network, which decides what it is, and of its optimizer. */
  record Name(String network, String optimizer) {
    static Name of(String name) {
      String[] parts = name.split("--", 2);
      return new Name(parts[0], parts[1]);
    }

    /** {@return the name of a task by its file's} */
    static Name of(Path file) {
      return of(file.getFileName().toString().replace(".json", ""));
    }
  }

  int steps() {
    return json.get("steps").asInt();
  }

  Batch validation() {
    return validation;
  }

  TensorBatches batches(long seed) {
    return TensorBatches.of(trainInputs, trainTargets, json.get("batch_size").asInt())
        .shuffled(seed);
  }

  /** Makes the network as training finds it, but for {@code warm_up_steps}. */
  TaskNetwork network(long seed) {
    torch.manual_seed(seed);
    TaskNetwork network = TaskNetwork.of(json.get("model"));
    try (NoGradGuard noGrad = new NoGradGuard()) {
      TensorVector saved = network.saved();
      parameters.ifPresent(values -> warmStart(saved, values));
      if (json.path("zero_head").asBoolean()) {
        saved.get(saved.size() - 1).zero_();
        saved.get(saved.size() - 2).zero_();
      }
      double factor = json.path("weight_factor").asDouble(1);
      for (long i = 0; i < saved.size(); i++) {
        saved.get(i).mul_(new Scalar(factor));
      }
    }
    return network;
  }

  Optimizer optimizer(TaskNetwork network, double lr) {
    JsonNode spec = json.get("optimizer");
    Map<String, Object> options = new HashMap<>();
    spec.path("options")
        .properties()
        .forEach(option -> options.put(option.getKey(), option.getValue().asDouble()));
    return OptimizerKind.valueOf(spec.get("type").asText().toUpperCase(Locale.ROOT))
        .over(network.trained(), lr, options);
  }

  /** What is swept or trained, once: a network with its optimizer, used if the task says so. */
  record Learner(Task task, TaskNetwork network, Optimizer optimizer, long seed) {
    SweepTask<Batch> sweepTask() {
      Loss loss = task.loss();
      if (task.forwardsNatively(network)) {
        return SweepTask.of(
            network.sequential().orElseThrow(), optimizer, loss, task.batches(seed));
      }
      return SweepTask.of(
              network.module(),
              optimizer,
              (Batch batch) -> task.loss(network, batch),
              task.batches(seed))
          .declaredStatic();
    }
  }

  Learner learner(long seed) {
    TaskNetwork network = network(seed);
    Optimizer optimizer = optimizer(network, WARM_UP_LR);
    int steps = json.path("warm_up_steps").asInt(0);
    if (steps > 0) {
      follow(new Learner(this, network, optimizer, seed), new double[] {WARM_UP_LR}, steps, -1);
    }
    return new Learner(this, network, optimizer, seed);
  }

  /**
   * Trains.
   *
   * @param schedule the rate of each step
   * @param checks after how many steps each the validation loss is computed, at least 1
   * @return these losses; shorter if a training loss was not finite
   */
  double[] train(Schedule schedule, int steps, long seed, int checks) {
    try (PointerScope scope = new PointerScope()) {
      return follow(learner(seed), schedule.rates(steps), steps, checks);
    }
  }

  /**
   * Trains at rising rates, as the finders of other tools do.
   *
   * @return the loss of each step before its update, up to the last finite one
   */
  double[] sweep(double[] rates, long seed) {
    try (PointerScope scope = new PointerScope()) {
      return follow(learner(seed), rates, rates.length, 0);
    }
  }

  /** {@return the validation loss of a network that is not trained} */
  double startLoss(long seed) {
    try (PointerScope scope = new PointerScope()) {
      Learner learner = learner(seed);
      try (EngineTraining training = start(learner)) {
        return validationLoss(learner, training);
      }
    }
  }

  /**
   * Trains and returns validation losses or, where they are never computed, the training losses.
   *
   * @param rates of the steps; the last goes on
   * @param checks after how many steps each a validation loss; 0 for training losses, negative for
   *     none
   */
  private double[] follow(Learner learner, double[] rates, int steps, int checks) {
    OptimizerOptions options = learner.optimizer().param_groups().get(0).options();
    TensorBatches batches = batches(learner.seed());
    Objective<Batch> objective = objective(learner.network());
    double[] losses = new double[steps];
    int count = 0;
    try (EngineTraining training = start(learner)) {
      int step = 0;
      for (long epoch = 0; step < steps; epoch++) {
        for (Iterator<Batch> walk = batches.epoch(epoch); walk.hasNext() && step < steps; ) {
          options.set_lr(rates[Math.min(step, rates.length - 1)]);
          try (PointerScope scope = new PointerScope()) {
            objective.step(training, walk.next());
          }
          if (!Double.isFinite(training.loss())) {
            return Arrays.copyOf(losses, count);
          }
          step++;
          if (checks == 0) {
            losses[count++] = training.loss();
          } else if (checks > 0 && step % checks == 0) {
            losses[count++] = validationLoss(learner, training);
          }
        }
      }
    }
    return Arrays.copyOf(losses, count);
  }

  private static EngineTraining start(Learner learner) {
    return Engines.of(EngineChoice.NATIVE)
        .train(
            learner.network().module(),
            learner.optimizer(),
            StepSettings.builder().threads(1).build(),
            true,
            null);
  }

  private Objective<Batch> objective(TaskNetwork network) {
    return forwardsNatively(network)
        ? new Objective.Native(loss())
        : new Objective.Callback<>(batch -> loss(network, batch));
  }

  private boolean forwardsNatively(TaskNetwork network) {
    return network.sequential().isPresent() && !json.has("loss_factor");
  }

  private double validationLoss(Learner learner, EngineTraining training) {
    double[] found = new double[1];
    Module module = learner.network().module();
    module.eval();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      objective(learner.network()).evaluate(training, validation, loss -> found[0] = loss);
    }
    module.train(true);
    return found[0];
  }

  private Loss loss() {
    return Loss.valueOf(json.get("loss").asText().toUpperCase(Locale.ROOT));
  }

  private Tensor loss(TaskNetwork network, Batch batch) {
    Tensor output = network.forward(batch.input());
    Tensor loss =
        switch (loss()) {
          case CROSS_ENTROPY -> torch.cross_entropy_loss(output, batch.target());
          case MSE -> torch.mse_loss(output, batch.target());
          default -> throw new IllegalArgumentException(loss() + " is not computed in Java yet");
        };
    double factor = json.path("loss_factor").asDouble(1);
    return factor == 1 ? loss : loss.mul(new Scalar(factor));
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

  private static void warmStart(TensorVector parameters, JsonNode saved) {
    int i = 0;
    for (JsonNode parameter : saved) { // in the order of the layers, weight before bias
      double[] values = new double[parameter.get("values").size()];
      Arrays.setAll(values, k -> parameter.get("values").get(k).asDouble());
      parameters.get(i++).view(-1).copy_(Tensor.create(values));
    }
  }
}

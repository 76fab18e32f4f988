package org.lrfinder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Adagrad;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.models.Network;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.ScheduleMode;

/**
 * One file of {@code src/test/reference}: a sweep computed by PyTorch in float64, rebuilt with the
 * presets.
 */
final class ReferenceCase {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double LR = 1e-3; // of the warm-up, and of a group with ratio 1

  final JsonNode json;
  private final Network made; // keeps the layers
  final SequentialImpl network;
  final Map<String, Tensor> parameters = new LinkedHashMap<>();
  final Optimizer optimizer;
  final List<Batch> batches = new ArrayList<>();
  final Loss loss;

  ReferenceCase(Path file, Path dataFolder) {
    try {
      json = JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    made = Network.of(json.get("model"));
    network = made.module();
    network.to(ScalarType.Double, false);
    setParameters();
    loss = Loss.valueOf(json.get("loss").asText().toUpperCase(java.util.Locale.ROOT));
    Data data = load(dataFolder, json.get("data").asText());
    for (JsonNode rows : json.get("batches")) {
      Tensor index = Tensor.create(longs(rows));
      batches.add(
          new Batch(data.inputs.index_select(0, index), data.targets.index_select(0, index)));
    }
    optimizer = optimizer();
    warmUp();
  }

  LrFinder.Builder finder() {
    LrFinder.Builder builder =
        LrFinder.builder()
            .minLr(json.get("min_lr").asDouble())
            .maxLr(json.get("max_lr").asDouble())
            .steps(json.get("num_training").asInt())
            .mode(
                ScheduleMode.valueOf(json.get("mode").asText().toUpperCase(java.util.Locale.ROOT)))
            .smoothingBeta(json.get("beta").asDouble())
            .accumulateGradBatches(json.get("accumulate_grad_batches").asInt());
    JsonNode threshold = json.get("early_stop_threshold");
    builder =
        threshold.isNull()
            ? builder.noEarlyStop()
            : builder.earlyStopThreshold(threshold.asDouble());
    if (json.hasNonNull("gradient_clip_norm")) {
      builder = builder.gradientClipNorm(json.get("gradient_clip_norm").asDouble());
    }
    return builder;
  }

  double lossOffset() {
    return json.get("loss_offset").asDouble();
  }

  private void setParameters() {
    StringTensorDict named = network.named_parameters();
    GradMode.set_enabled(false);
    json.get("parameters")
        .properties()
        .forEach(
            entry -> {
              Tensor parameter = new Tensor(named.get(entry.getKey()));
              parameter.copy_(
                  Tensor.create(
                      doubles(entry.getValue().get("values")),
                      longs(entry.getValue().get("shape"))));
              parameters.put(entry.getKey(), parameter);
            });
    GradMode.set_enabled(true);
    if (parameters.size() != named.size()) {
      throw new IllegalArgumentException(
          "the file gives " + parameters.keySet() + ", the network has " + named.size());
    }
    if (json.hasNonNull("frozen")) {
      json.get("frozen").forEach(name -> parameters.get(name.asText()).requires_grad_(false));
    }
  }

  private Optimizer optimizer() {
    JsonNode spec = json.get("optimizer");
    JsonNode options = spec.has("options") ? spec.get("options") : JSON.createObjectNode();
    if (!json.hasNonNull("param_groups")) {
      return make(spec, vector(parameters.keySet()), options(spec, options, LR));
    }
    // The presets make an optimizer of one group, to which others can be added.
    Optimizer made = null;
    for (JsonNode group : json.get("param_groups")) {
      List<String> names =
          StreamSupport.stream(group.get("params").spliterator(), false)
              .map(JsonNode::asText)
              .toList();
      OptimizerOptions own = options(spec, options, LR * group.get("lr_ratio").asDouble());
      if (made == null) {
        made = make(spec, vector(names), own);
      } else {
        made.add_param_group(new OptimizerParamGroup(vector(names), own));
      }
    }
    return made;
  }

  private static Optimizer make(JsonNode spec, TensorVector parameters, OptimizerOptions options) {
    return switch (spec.get("type").asText()) {
      case "sgd" -> new SGD(parameters, (SGDOptions) options);
      case "adam" -> new Adam(parameters, (AdamOptions) options);
      case "adamw" -> new AdamW(parameters, (AdamWOptions) options);
      case "adagrad" -> new Adagrad(parameters, (AdagradOptions) options);
      case "rmsprop" -> new RMSprop(parameters, (RMSpropOptions) options);
      default -> throw new IllegalArgumentException("unknown optimizer " + spec);
    };
  }

  private TensorVector vector(Iterable<String> names) {
    TensorVector vector = new TensorVector();
    names.forEach(name -> vector.push_back(parameters.get(name)));
    return vector;
  }

  /** The options that the files use; an unknown one is an error. */
  private static OptimizerOptions options(JsonNode spec, JsonNode given, double lr) {
    OptimizerOptions options =
        switch (spec.get("type").asText()) {
          case "sgd" -> new SGDOptions(lr);
          case "adam" -> new AdamOptions(lr);
          case "adamw" -> new AdamWOptions(lr);
          case "adagrad" -> new AdagradOptions(lr);
          case "rmsprop" -> new RMSpropOptions(lr);
          default -> throw new IllegalArgumentException("unknown optimizer " + spec);
        };
    for (Iterator<String> names = given.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      set(options, name, given.get(name));
    }
    return options;
  }

  private static void set(OptimizerOptions options, String name, JsonNode value) {
    if (options instanceof AdamOptions adam && name.equals("amsgrad")) {
      adam.amsgrad().put(value.asBoolean());
    } else if (options instanceof AdamWOptions adamW && name.equals("amsgrad")) {
      adamW.amsgrad().put(value.asBoolean());
    } else if (options instanceof SGDOptions sgd && name.equals("nesterov")) {
      sgd.nesterov().put(value.asBoolean());
    } else if (options instanceof RMSpropOptions rmsprop && name.equals("centered")) {
      rmsprop.centered().put(value.asBoolean());
    } else if (name.equals("betas")) {
      DoublePointer betas =
          options instanceof AdamOptions adam ? adam.betas() : ((AdamWOptions) options).betas();
      // A std::tuple, whose elements libstdc++ stores last to first.
      betas.put(value.get(1).asDouble(), value.get(0).asDouble());
    } else {
      number(options, name).put(value.asDouble());
    }
  }

  private static DoublePointer number(OptimizerOptions options, String name) {
    try {
      return (DoublePointer) options.getClass().getMethod(name).invoke(options);
    } catch (ReflectiveOperationException e) {
      throw new IllegalArgumentException("unknown option " + name, e);
    }
  }

  private void warmUp() {
    for (int i = 0; i < json.get("warm_up_steps").asInt(); i++) {
      optimizer.zero_grad();
      lossOf(batches.get(i)).backward();
      optimizer.step();
    }
  }

  /** The case's loss, without its offset. */
  Tensor lossOf(Batch batch) {
    Tensor output = network.forward(batch.input());
    return switch (loss) {
      case CROSS_ENTROPY -> torch.cross_entropy_loss(output, batch.target());
      case MSE -> torch.mse_loss(output, batch.target());
      case L1 -> torch.l1_loss(output, batch.target());
      case SMOOTH_L1 -> torch.smooth_l1_loss(output, batch.target());
      default -> throw new IllegalArgumentException("no file has the loss " + loss);
    };
  }

  record Data(Tensor inputs, Tensor targets) {}

  static Data load(Path folder, String name) {
    List<CsvRecord> records;
    try (CsvReader<CsvRecord> reader =
        CsvReader.builder()
            .ofCsvRecord(
                new InputStreamReader(
                    new GZIPInputStream(Files.newInputStream(folder.resolve(name + ".csv.gz"))),
                    StandardCharsets.UTF_8))) {
      records = reader.stream().skip(1).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int columns = records.get(0).getFieldCount() - 1;
    double[][] table = new double[columns + 1][records.size()];
    for (int row = 0; row < records.size(); row++) {
      for (int column = 0; column <= columns; column++) {
        table[column][row] = Double.parseDouble(records.get(row).getField(column));
      }
    }
    boolean digits = name.equals("digits");
    boolean regression = name.equals("diabetes");
    double[] inputs = new double[records.size() * columns];
    for (int column = 0; column < columns; column++) {
      double[] values =
          digits
              ? java.util.Arrays.stream(table[column]).map(v -> v / 16).toArray()
              : standardised(table[column]);
      for (int row = 0; row < values.length; row++) {
        inputs[row * columns + column] = values[row];
      }
    }
    Tensor targets =
        regression
            ? Tensor.create(standardised(table[columns]), records.size(), 1)
            : Tensor.create(
                java.util.Arrays.stream(table[columns]).mapToLong(Math::round).toArray());
    return new Data(Tensor.create(inputs, records.size(), columns), targets);
  }

  private static double[] standardised(double[] values) {
    double mean = java.util.Arrays.stream(values).average().orElseThrow();
    double variance =
        java.util.Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
    return java.util.Arrays.stream(values).map(v -> (v - mean) / Math.sqrt(variance)).toArray();
  }

  static double[] doubles(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false)
        .mapToDouble(JsonNode::asDouble)
        .toArray();
  }

  private static long[] longs(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).mapToLong(JsonNode::asLong).toArray();
  }
}

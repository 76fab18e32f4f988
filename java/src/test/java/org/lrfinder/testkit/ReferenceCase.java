package org.lrfinder.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.LrFinder;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.models.Network;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.ScheduleMode;

/**
 * One file of {@code src/test/reference}: a sweep computed by PyTorch in float64, rebuilt with the
 * presets.
 */
public final class ReferenceCase {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double LR = 1e-3; // of the warm-up, and of a group with ratio 1

  public final JsonNode json;
  private final Network made; // keeps the layers
  public final SequentialImpl network;
  private final Map<String, Tensor> parameters = new LinkedHashMap<>();
  public final Optimizer optimizer;
  public final List<Batch> batches = new ArrayList<>();
  public final Loss loss;

  public ReferenceCase(Path file) {
    try {
      json = JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    made = Network.of(json.get("model"));
    network = made.module();
    network.to(ScalarType.Double, false);
    setParameters();
    loss = Loss.valueOf(json.get("loss").asText().toUpperCase(Locale.ROOT));
    CsvData data = CsvData.load(json.get("data").asText());
    for (JsonNode rows : json.get("batches")) {
      Tensor index = Tensor.create(longs(rows));
      batches.add(
          new Batch(data.inputs().index_select(0, index), data.targets().index_select(0, index)));
    }
    optimizer = optimizer();
    warmUp();
  }

  public LrFinder.Builder finder() {
    LrFinder.Builder builder =
        LrFinder.builder()
            .minLr(json.get("min_lr").asDouble())
            .maxLr(json.get("max_lr").asDouble())
            .steps(json.get("num_training").asInt())
            .mode(ScheduleMode.valueOf(json.get("mode").asText().toUpperCase(Locale.ROOT)))
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

  public double lossOffset() {
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
    OptimizerKind kind = OptimizerKind.valueOf(spec.get("type").asText().toUpperCase(Locale.ROOT));
    Map<String, Object> options = new HashMap<>();
    spec.path("options")
        .properties()
        .forEach(
            option ->
                options.put(option.getKey(), JSON.convertValue(option.getValue(), Object.class)));
    if (!json.hasNonNull("param_groups")) {
      return kind.over(vector(parameters.keySet()), LR, options);
    }
    // The presets make an optimizer of one group, to which others can be added.
    Optimizer made = null;
    for (JsonNode group : json.get("param_groups")) {
      List<String> names =
          StreamSupport.stream(group.get("params").spliterator(), false)
              .map(JsonNode::asText)
              .toList();
      double lr = LR * group.get("lr_ratio").asDouble();
      if (made == null) {
        made = kind.over(vector(names), lr, options);
      } else {
        made.add_param_group(new OptimizerParamGroup(vector(names), kind.options(lr, options)));
      }
    }
    return made;
  }

  private TensorVector vector(Iterable<String> names) {
    TensorVector vector = new TensorVector();
    names.forEach(name -> vector.push_back(parameters.get(name)));
    return vector;
  }

  private void warmUp() {
    for (int i = 0; i < json.get("warm_up_steps").asInt(); i++) {
      optimizer.zero_grad();
      lossOf(batches.get(i)).backward();
      optimizer.step();
    }
  }

  /** The case's loss, without its offset. */
  public Tensor lossOf(Batch batch) {
    Tensor output = network.forward(batch.input());
    return switch (loss) {
      case CROSS_ENTROPY -> torch.cross_entropy_loss(output, batch.target());
      case MSE -> torch.mse_loss(output, batch.target());
      case L1 -> torch.l1_loss(output, batch.target());
      case SMOOTH_L1 -> torch.smooth_l1_loss(output, batch.target());
      default -> throw new IllegalArgumentException("no file has the loss " + loss);
    };
  }

  public static double[] doubles(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false)
        .mapToDouble(JsonNode::asDouble)
        .toArray();
  }

  private static long[] longs(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).mapToLong(JsonNode::asLong).toArray();
  }
}

package org.lrfinder.internal.models;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.BatchNorm1dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.FlattenImpl;
import org.bytedeco.pytorch.GELUImpl;
import org.bytedeco.pytorch.LayerNormImpl;
import org.bytedeco.pytorch.LayerNormOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LinearOptions;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.SigmoidImpl;
import org.bytedeco.pytorch.TanhImpl;
import org.bytedeco.pytorch.UnflattenImpl;

/**
 * A sequential network, made of layers or read from JSON: an array of objects such as {@code
 * {"type": "linear", "in": 64, "out": 10}}, alone or as the field {@code model} of an object.
 * Types: linear (in, out, bias), conv2d (in, out, kernel, stride, padding), batchnorm1d and
 * layernorm (features), relu, tanh, gelu, sigmoid, flatten, unflatten (shape).
 */
public final class Network {
  private final SequentialImpl module = new SequentialImpl();
  // The presets free a batch norm with its Java object, even while a network holds it.
  private final List<Module> layers = new ArrayList<>();

  private Network() {}

  /** {@return the network, valid as long as this object is reachable} */
  public SequentialImpl module() {
    return module;
  }

  /** Makes linear layers with ReLU between them. */
  public static Network multilayerPerceptron(int features, List<Integer> hidden, int outputs) {
    Network network = new Network();
    int in = features;
    for (int width : hidden) {
      network.module.push_back(network.keep(new LinearImpl(in, width)));
      network.module.push_back(network.keep(new ReLUImpl()));
      in = width;
    }
    network.module.push_back(network.keep(new LinearImpl(in, outputs)));
    return network;
  }

  /**
   * Reads a network from a file.
   *
   * @throws IllegalArgumentException if it cannot be read, or is no network; the message names it
   */
  public static Network read(Path file) {
    JsonNode json;
    try {
      json = new ObjectMapper().readTree(Files.readString(file));
    } catch (NoSuchFileException e) {
      throw new IllegalArgumentException("there is no file " + file);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "%s, line %d: %s".formatted(file, e.getLocation().getLineNr(), e.getOriginalMessage()));
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot read " + file + ": " + e.getMessage());
    }
    JsonNode model = json.isObject() ? json.path("model") : json;
    if (!model.isArray() || model.isEmpty()) {
      throw new IllegalArgumentException(
          file + " needs an array of layers, alone or as the field model");
    }
    try {
      return of(model);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage());
    }
  }

  /**
   * Makes a network.
   *
   * @param model the array of layers
   * @return the network
   * @throws IllegalArgumentException if a layer is of an unknown type or lacks a number; the
   *     message says which
   */
  public static Network of(JsonNode model) {
    Network network = new Network();
    for (int i = 0; i < model.size(); i++) {
      try {
        network.add(model.get(i));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("layer " + i + ": " + e.getMessage(), e);
      }
    }
    return network;
  }

  public static Network parse(String model) {
    try {
      return of(new ObjectMapper().readTree(model));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage(), e);
    }
  }

  private void add(JsonNode layer) {
    String type = layer.path("type").asText();
    switch (type) {
      case "linear" -> {
        LinearOptions options = new LinearOptions(number(layer, "in"), number(layer, "out"));
        options.bias().put(layer.path("bias").asBoolean(true));
        module.push_back(keep(new LinearImpl(options)));
      }
      case "conv2d" -> {
        long kernel = number(layer, "kernel");
        long stride = layer.has("stride") ? number(layer, "stride") : 1;
        long padding = layer.path("padding").asLong(0);
        Conv2dOptions options =
            new Conv2dOptions(
                number(layer, "in"), number(layer, "out"), new LongPointer(kernel, kernel));
        options.stride().put(new long[] {stride, stride});
        options.padding().put(new LongPointer(padding, padding));
        module.push_back(keep(new Conv2dImpl(options)));
      }
      case "batchnorm1d" ->
          module.push_back(
              keep(new BatchNorm1dImpl(new BatchNormOptions(number(layer, "features")))));
      case "layernorm" -> {
        LongVector shape = new LongVector(); // LongVector(n) would be one of n zeros
        shape.push_back(number(layer, "features"));
        module.push_back(keep(new LayerNormImpl(new LayerNormOptions(shape))));
      }
      case "relu" -> module.push_back(keep(new ReLUImpl()));
      case "tanh" -> module.push_back(keep(new TanhImpl()));
      case "gelu" -> module.push_back(keep(new GELUImpl()));
      case "sigmoid" -> module.push_back(keep(new SigmoidImpl()));
      case "flatten" -> module.push_back(keep(new FlattenImpl()));
      case "unflatten" -> {
        if (!layer.path("shape").isArray() || layer.get("shape").isEmpty()) {
          throw new IllegalArgumentException("unflatten needs an array shape");
        }
        LongVector shape = new LongVector();
        layer.get("shape").forEach(size -> shape.push_back(size.asLong()));
        module.push_back(keep(new UnflattenImpl(1, shape)));
      }
      default ->
          throw new IllegalArgumentException(
              "unknown type \"%s\"; there are linear, conv2d, batchnorm1d, layernorm, relu, tanh, gelu, sigmoid, flatten, unflatten"
                  .formatted(type));
    }
  }

  private static long number(JsonNode layer, String field) {
    JsonNode value = layer.path(field);
    if (!value.isIntegralNumber() || value.asLong() < 1) {
      throw new IllegalArgumentException(
          "%s needs a whole number \"%s\" of at least 1"
              .formatted(layer.path("type").asText(), field));
    }
    return value.asLong();
  }

  private <M extends Module> M keep(M layer) {
    layers.add(layer);
    return layer;
  }
}

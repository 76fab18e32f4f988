package org.lrfinder.internal.models;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;

/**
 * A sequential network, made of layers or read from JSON: an array of objects such as {@code
 * {"type": "linear", "in": 64, "out": 10}}, alone or as the field {@code model} of an object, whose
 * other fields are for others. Types: linear (in, out, bias), conv2d (in, out, kernel, stride,
 * padding), batchnorm1d and layernorm (features), relu, tanh, gelu, sigmoid, flatten, unflatten
 * (shape).
 */
public final class Network {
  private static final String MODEL = "model";

  private final SequentialImpl module = new SequentialImpl();
  // The presets free a batch norm with its Java object, even while a network holds it.
  private final List<Module> layers = new ArrayList<>();

  private Network() {}

  /** {@return the network, valid as long as this object is reachable} */
  public SequentialImpl module() {
    return module;
  }

  /**
   * Makes linear layers with ReLU between them.
   *
   * @throws IllegalArgumentException if a width is less than 1, or they are more than the limits
   *     allow; nothing was made
   */
  public static Network multilayerPerceptron(
      int features, List<Integer> hidden, int outputs, Limits limits) {
    limits.require(hidden.size() + 1L, Limit.LAYERS, "the network");
    long parameters = 0;
    long inputs = features;
    for (long width : Stream.concat(hidden.stream(), Stream.of(outputs)).toList()) {
      if (width < 1) {
        throw new IllegalArgumentException(
            "hidden is " + hidden + ", but every width must be at least 1");
      }
      parameters = Math.min(parameters + (inputs + 1) * width, Long.MAX_VALUE / 2);
      inputs = width;
    }
    limits.require(parameters, Limit.PARAMETERS, "the network");
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

  /** Makes linear layers with ReLU between them, within the usual limits. */
  public static Network multilayerPerceptron(int features, List<Integer> hidden, int outputs) {
    return multilayerPerceptron(features, hidden, outputs, Limits.USUAL);
  }

  /**
   * Reads a network from a file.
   *
   * @throws IllegalArgumentException if it cannot be read, is no network, or more than the limits
   *     allow; the message names it, and nothing was made
   */
  public static Network read(Path file, Limits limits) {
    JsonNode json;
    // Of a pipe, the channel that Files opens does not know how much it has.
    try (InputStream in = new FileInputStream(file.toFile())) {
      json = parse(in, limits);
    } catch (FileNotFoundException e) {
      throw new IllegalArgumentException(
          Files.exists(file) ? "cannot read " + e.getMessage() : "there is no file " + file);
    } catch (StreamConstraintsException e) {
      throw new IllegalArgumentException(file + ": " + refusal(e));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(file + where(e) + ": " + words(e));
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot read " + file + ": " + e.getMessage());
    }
    JsonNode model = json.isObject() ? json.path(MODEL) : json;
    if (!model.isArray() || model.isEmpty()) {
      throw new IllegalArgumentException(
          file + " needs an array of layers, alone or as the field \"model\"" + nearest(json));
    }
    try {
      return of(model, limits);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage());
    }
  }

  /** Strictly: nothing said twice, and nothing behind the end. */
  private static JsonNode parse(InputStream in, Limits limits) throws IOException {
    int name = (int) limits.of(Limit.NAME);
    JsonFactory factory =
        JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(
                StreamReadConstraints.builder()
                    .maxDocumentLength(limits.of(Limit.JSON))
                    .maxNestingDepth((int) limits.of(Limit.NESTING))
                    .maxNameLength(name)
                    .maxStringLength(name)
                    .maxNumberLength(name)
                    .build())
            .build();
    try (JsonParser parser = factory.createParser(in)) {
      JsonNode json = new JsonMapper().readTree(parser);
      if (json != null && parser.nextToken() != null) {
        throw new JsonParseException(
            parser, "there is more text behind the end", parser.currentTokenLocation());
      }
      return json == null ? MissingNode.getInstance() : json;
    }
  }

  /** Jackson says which limit, in its own terms. */
  private static String refusal(StreamConstraintsException e) {
    String words = e.getOriginalMessage();
    Limit limit =
        words.contains("epth")
            ? Limit.NESTING
            : words.startsWith("Document length") ? Limit.JSON : Limit.NAME;
    return words.replaceAll(",? from `[^`]*`", "") + ": --limit " + limit + "=N raises it";
  }

  /** Without what Jackson does not know of the source. */
  private static String words(JsonProcessingException e) {
    return e.getOriginalMessage().replaceFirst("(?s) \\(start marker at .*", "");
  }

  private static String nearest(JsonNode json) {
    List<String> names = new ArrayList<>();
    json.fieldNames().forEachRemaining(names::add);
    return json.has(MODEL) || names.isEmpty()
        ? ""
        : "; did you mean \"%s\"?".formatted(NearestName.to(MODEL, names));
  }

  private static String where(JsonProcessingException e) {
    JsonLocation at = e.getLocation();
    return at == null ? "" : ", line %d, column %d".formatted(at.getLineNr(), at.getColumnNr());
  }

  /**
   * Makes a network within the usual limits.
   *
   * @param model the array of layers
   * @throws IllegalArgumentException if a layer is of an unknown type, lacks a number or has one
   *     that it does not know; the message says which
   */
  public static Network of(JsonNode model) {
    return of(model, Limits.USUAL);
  }

  private static Network of(JsonNode model, Limits limits) {
    limits.require(model.size(), Limit.LAYERS, "the network");
    List<LayerKind.Layer> described = new ArrayList<>();
    long parameters = 0;
    for (int i = 0; i < model.size(); i++) {
      try {
        described.add(LayerKind.layer(model.get(i)));
        parameters = Math.min(parameters + described.get(i).parameters(), Long.MAX_VALUE / 2);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("layer " + i + ": " + e.getMessage(), e);
      }
    }
    limits.require(parameters, Limit.PARAMETERS, "the network");
    Network network = new Network();
    described.forEach(layer -> layer.addTo(network));
    return network;
  }

  /** As {@link #of}. */
  public static Network parse(String model) {
    try {
      return of(new JsonMapper().readTree(model));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage(), e);
    }
  }

  <M extends Module> M keep(M layer) {
    layers.add(layer);
    return layer;
  }
}

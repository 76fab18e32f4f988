package org.lrfinder.internal.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
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
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SigmoidImpl;
import org.bytedeco.pytorch.TanhImpl;
import org.bytedeco.pytorch.UnflattenImpl;

/** Layers by the names and numbers that JSON gives them. */
enum LayerKind {
  LINEAR(
      Set.of("in", "out", "bias"),
      layer ->
          product(layer.size("in"), layer.size("out"))
              + (layer.flag("bias") ? layer.size("out") : 0),
      (layer, network) -> {
        LinearOptions options = new LinearOptions(layer.size("in"), layer.size("out"));
        options.bias().put(layer.flag("bias"));
        network.module().push_back(network.keep(new LinearImpl(options)));
      }),
  CONV2D(
      Set.of("in", "out", "kernel", "stride", "padding"),
      layer -> {
        long kernel = layer.size("kernel");
        layer.number("stride", 1, 1);
        layer.number("padding", 0, 0);
        return product(product(layer.size("in"), layer.size("out")), product(kernel, kernel))
            + layer.size("out");
      },
      (layer, network) -> {
        long kernel = layer.size("kernel");
        long stride = layer.number("stride", 1, 1);
        long padding = layer.number("padding", 0, 0);
        Conv2dOptions options =
            new Conv2dOptions(layer.size("in"), layer.size("out"), new LongPointer(kernel, kernel));
        options.stride().put(new long[] {stride, stride});
        options.padding().put(new LongPointer(padding, padding));
        network.module().push_back(network.keep(new Conv2dImpl(options)));
      }),
  BATCHNORM1D(
      Set.of("features"),
      layer -> 2 * layer.size("features"),
      (layer, network) -> {
        network
            .module()
            .push_back(
                network.keep(new BatchNorm1dImpl(new BatchNormOptions(layer.size("features")))));
      }),
  LAYERNORM(
      Set.of("features"),
      layer -> 2 * layer.size("features"),
      (layer, network) -> {
        LongVector shape = new LongVector();
        shape.push_back(layer.size("features")); // LongVector(n) would be n zeros
        network.module().push_back(network.keep(new LayerNormImpl(new LayerNormOptions(shape))));
      }),
  RELU((layer, network) -> network.module().push_back(network.keep(new ReLUImpl()))),
  TANH((layer, network) -> network.module().push_back(network.keep(new TanhImpl()))),
  GELU((layer, network) -> network.module().push_back(network.keep(new GELUImpl()))),
  SIGMOID((layer, network) -> network.module().push_back(network.keep(new SigmoidImpl()))),
  FLATTEN((layer, network) -> network.module().push_back(network.keep(new FlattenImpl()))),
  UNFLATTEN(
      Set.of("shape"),
      layer -> {
        layer.sizes("shape");
        return 0;
      },
      (layer, network) -> {
        LongVector shape = new LongVector();
        layer.sizes("shape").forEach(shape::push_back);
        network.module().push_back(network.keep(new UnflattenImpl(1, shape)));
      });

  private static final String TYPE = "type";

  private final Set<String> fields;
  private final ToLongFunction<Fields> parameters;
  private final BiConsumer<Fields, Network> adding;

  LayerKind(BiConsumer<Fields, Network> adding) {
    this(Set.of(), layer -> 0, adding);
  }

  /**
   * @param parameters counts them and, on the way, refuses what is missing or of the wrong kind
   * @param adding makes the layer and adds it to a network
   */
  LayerKind(
      Set<String> fields, ToLongFunction<Fields> parameters, BiConsumer<Fields, Network> adding) {
    this.fields = fields;
    this.parameters = parameters;
    this.adding = adding;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** A layer as JSON describes it, checked: it can be made. */
  record Layer(LayerKind kind, Fields fields, long parameters) {
    void addTo(Network network) {
      kind.adding.accept(fields, network);
    }
  }

  /**
   * Checks a layer's description.
   *
   * @throws IllegalArgumentException if it is none; the message says what is wrong
   */
  static Layer layer(JsonNode json) {
    JsonNode type = json.path(TYPE);
    if (!json.isObject() || !type.isTextual()) {
      throw new IllegalArgumentException("a layer is an object with a \"type\": " + all());
    }
    LayerKind kind =
        Arrays.stream(values())
            .filter(k -> k.toString().equals(type.textValue()))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "unknown type \"%s\"; there are %s".formatted(type.textValue(), all())));
    json.fieldNames().forEachRemaining(kind::requireField);
    Fields fields = new Fields(kind, json);
    return new Layer(kind, fields, kind.parameters.applyAsLong(fields));
  }

  private static String all() {
    return Arrays.stream(values()).map(LayerKind::toString).collect(Collectors.joining(", "));
  }

  private void requireField(String name) {
    if (name.equals(TYPE) || fields.contains(name)) {
      return;
    }
    if (fields.isEmpty()) {
      throw new IllegalArgumentException(
          "%s has the field \"%s\", but takes none beside its type".formatted(this, name));
    }
    throw new IllegalArgumentException(
        "%s has no field \"%s\"; did you mean \"%s\"? There are %s"
            .formatted(
                this,
                name,
                NearestName.to(name, new TreeSet<>(fields)),
                String.join(", ", new TreeSet<>(fields))));
  }

  /** Saturates. */
  private static long product(long a, long b) {
    return Math.multiplyHigh(a, b) != 0 || a * b < 0 ? Long.MAX_VALUE / 2 : a * b;
  }

  /** The numbers of a layer. */
  record Fields(LayerKind kind, JsonNode json) {
    /** A number that must be there, of at least 1. */
    long size(String field) {
      JsonNode value = json.path(field);
      if (!isWhole(value, 1)) {
        throw refused("a whole number \"%s\" of at least 1", field, value);
      }
      return value.longValue();
    }

    long number(String field, int least, long otherwise) {
      JsonNode value = json.path(field);
      if (value.isMissingNode()) {
        return otherwise;
      }
      if (!isWhole(value, least)) {
        throw refused("a whole number \"%s\" of at least " + least, field, value);
      }
      return value.longValue();
    }

    boolean flag(String field) {
      JsonNode value = json.path(field);
      if (!value.isMissingNode() && !value.isBoolean()) {
        throw refused("\"%s\" to be true or false", field, value);
      }
      return value.asBoolean(true);
    }

    List<Long> sizes(String field) {
      JsonNode values = json.path(field);
      List<Long> sizes = new ArrayList<>();
      for (JsonNode value : values) {
        if (!isWhole(value, 1)) {
          throw refused("whole numbers of at least 1 in \"%s\"", field, value);
        }
        sizes.add(value.longValue());
      }
      if (!values.isArray() || sizes.isEmpty()) {
        throw refused("an array \"%s\"", field, values);
      }
      return sizes;
    }

    private static boolean isWhole(JsonNode value, int least) {
      return value.isInt() && value.intValue() >= least;
    }

    private IllegalArgumentException refused(String needed, String field, JsonNode found) {
      String words = "%s needs ".formatted(kind) + needed.formatted(field);
      if (found.isMissingNode()) {
        return new IllegalArgumentException(words);
      }
      boolean tooLarge = found.isIntegralNumber() && !found.canConvertToInt();
      return new IllegalArgumentException(
          words + (tooLarge ? " and at most " + Integer.MAX_VALUE : "") + ", not " + found);
    }
  }
}

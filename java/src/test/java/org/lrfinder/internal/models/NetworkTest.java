package org.lrfinder.internal.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Networks in JSON are read strictly. */
class NetworkTest {
  private static final String LINEAR = "{\"type\":\"linear\",\"in\":2,\"out\":2}";

  private static Network read(String json, Limits limits) throws IOException {
    Path file = Files.createTempFile("network", ".json");
    try {
      return Network.read(Files.writeString(file, json), limits);
    } finally {
      Files.delete(file);
    }
  }

  static Stream<Arguments> badNetworks() {
    return Stream.of(
        Arguments.of(
            "[{'type':'linear','in':2,'out':2,'bais':false}]",
            "layer 0: linear has no field \"bais\"; did you mean \"bias\"? There are bias, in, out"),
        Arguments.of(
            "[{'type':'relu','inplace':true}]",
            "layer 0: relu has the field \"inplace\", but takes none beside its type"),
        Arguments.of("{'modle':[]}", "as the field \"model\"; did you mean \"modle\"?"),
        Arguments.of("[" + LINEAR + "] x", "line 1, column "),
        Arguments.of("[" + LINEAR + "][]", "there is more text behind the end"),
        Arguments.of("[{'type':'linear','in':2,'in':3,'out':2}]", "Duplicate field 'in'"),
        Arguments.of("{'model':[" + LINEAR + "],'model':[]}", "Duplicate field 'model'"),
        Arguments.of(
            "[{'type':'linear','in':2,'out':18446744073709551624}]",
            "layer 0: linear needs a whole number \"out\" of at least 1 and at most 2147483647, not 18446744073709551624"),
        Arguments.of("[{'type':'linear','in':2,'out':8.5}]", "\"out\" of at least 1, not 8.5"),
        Arguments.of(
            "[{'type':'linear','in':2,'out':2,'bias':1}]",
            "needs \"bias\" to be true or false, not 1"),
        Arguments.of(
            "[{'type':'conv2d','in':1,'out':1,'kernel':3,'padding':-1}]",
            "needs a whole number \"padding\" of at least 0, not -1"),
        Arguments.of("[{'type':'unflatten','shape':[2,0]}]", "of at least 1 in \"shape\", not 0"),
        Arguments.of("[{'type':'unflatten'}]", "layer 0: unflatten needs an array \"shape\""),
        Arguments.of(
            "[{'type':7}]", "layer 0: a layer is an object with a \"type\": linear, conv2d"),
        Arguments.of("[7]", "layer 0: a layer is an object with a \"type\""),
        Arguments.of("", "needs an array of layers"),
        Arguments.of("[".repeat(200), "--limit nesting=N raises it"),
        Arguments.of("{'a':".repeat(200), "--limit nesting=N raises it"),
        Arguments.of("[" + "1".repeat(5000) + "]", "--limit name=N raises it"),
        Arguments.of("[{'type':'" + "x".repeat(5000) + "'}]", "--limit name=N raises it"),
        Arguments.of("[{'" + "x".repeat(5000) + "':1}]", "--limit name=N raises it"),
        Arguments.of(" ".repeat((1 << 24) + 10_000) + "[]", "--limit json=N raises it"),
        Arguments.of(
            "[" + "{'type':'relu'},".repeat(1000) + LINEAR + "]",
            "the network has more than 1000 layers, which is the limit: --limit layers=N raises it"),
        Arguments.of(
            "[{'type':'linear','in':100000,'out':100000}]",
            "the network has more than 100000000 parameters, which is the limit: --limit parameters=N"),
        Arguments.of(
            "[{'type':'conv2d','in':2147483647,'out':2147483647,'kernel':2147483647}]",
            "the network has more than 100000000 parameters"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("badNetworks")
  void whatIsNotMeantIsNamed(String json, String message) {
    assertThatThrownBy(() -> read(json.replace('\'', '"'), Limits.USUAL))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(".json")
        .hasMessageContaining(message)
        .hasMessageNotContaining("StreamReadConstraints");
  }

  @Test
  void aFileInAnotherEncodingIsRefused(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("latin.json");
    Files.writeString(file, "[{\"type\": \"gr\u00F6n\", \"in\": 1}]", StandardCharsets.ISO_8859_1);
    assertThatThrownBy(() -> Network.read(file, Limits.USUAL))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("latin.json, line 1, column ")
        .hasMessageContaining("Invalid UTF-8");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aFileWithoutAnEndIsRefused() {
    assertThatThrownBy(() -> Network.read(Path.of("/dev/zero"), Limits.USUAL))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("/dev/zero");
  }

  @Test
  void theLayersAreTheOnesThatAreNamed() throws IOException {
    Network network =
        read(
            "{\"model\": ["
                + LINEAR
                + ", {\"type\": \"linear\", \"in\": 2, \"out\": 5, \"bias\": false}], \"other\": 1}",
            Limits.USUAL);
    assertThat(network.module().size()).isEqualTo(2);
    assertThat(network.module().parameters().size()).isEqualTo(3);
  }

  @Test
  void widthsAreCountedBeforeThereAreLayers() {
    assertThatThrownBy(
            () -> Network.multilayerPerceptron(9, List.of(1_000_000, 1_000_000), 2, Limits.USUAL))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the network has more than 100000000 parameters");
    Limits small = new Limits(Map.of(Limit.PARAMETERS, 17L));
    assertThat(Network.multilayerPerceptron(2, List.of(3), 2, small).module().parameters().size())
        .isEqualTo(4); // 9 + 8 elements
    assertThatThrownBy(() -> Network.multilayerPerceptron(2, List.of(3), 3, small))
        .hasMessageContaining("the network has more than 17 parameters");
  }

  @Test
  void aLimitHasItsOwnLimit() {
    assertThatThrownBy(() -> new Limits(Map.of(Limit.CELLS, 0L)))
        .hasMessage("--limit cells is 0, but must be from 1 to 2147483639");
    assertThatThrownBy(() -> new Limits(Map.of(Limit.NESTING, 1001L)))
        .hasMessage("--limit nesting is 1001, but must be from 1 to 1000");
  }

  @Provide
  Arbitrary<String> json() {
    Arbitrary<String> names =
        Arbitraries.of(
            "type",
            "in",
            "out",
            "bias",
            "kernel",
            "stride",
            "padding",
            "features",
            "shape",
            "model",
            "x");
    Arbitrary<String> kinds =
        Arbitraries.of(Arrays.stream(LayerKind.values()).map(k -> "\"" + k + "\"").toList());
    Arbitrary<String> values =
        Arbitraries.oneOf(
            List.of(
                kinds,
                Arbitraries.of(
                    "1",
                    "0",
                    "-1",
                    "2",
                    "7",
                    "2147483647",
                    "9223372036854775808",
                    "1e9",
                    "1.5",
                    "null",
                    "true",
                    "\"\"",
                    "[]",
                    "{}",
                    "[1,2]",
                    "[-1]",
                    "[[[]]]",
                    "nan",
                    "\u0000",
                    "'")));
    Arbitrary<String> layers =
        kinds.flatMap(
            kind ->
                Combinators.combine(names, values)
                    .as((name, value) -> "\"" + name + "\":" + value)
                    .list()
                    .ofMaxSize(4)
                    .map(
                        fields ->
                            "{\"type\":"
                                + kind
                                + (fields.isEmpty() ? "" : ",")
                                + String.join(",", fields)
                                + "}"));
    Arbitrary<String> networks =
        Arbitraries.oneOf(List.of(layers, values))
            .list()
            .ofMaxSize(5)
            .map(l -> "[" + String.join(",", l) + "]");
    return Arbitraries.oneOf(
        List.of(
            networks,
            networks.map(n -> "{\"model\":" + n + "}"),
            Arbitraries.strings().ofMaxLength(40)));
  }

  @Property
  void anyTextIsANetworkOrRefused(@ForAll("json") String json) throws IOException {
    Limits limits = new Limits(Map.of(Limit.PARAMETERS, 100_000L));
    try {
      assertThat(read(json, limits).module().size()).isPositive();
    } catch (IllegalArgumentException e) {
      assertThat(e.getMessage()).contains(".json");
    }
  }
}

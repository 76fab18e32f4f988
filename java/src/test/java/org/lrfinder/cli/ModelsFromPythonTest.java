package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lrfinder.LrFinderResult;
import org.lrfinder.export.ResultJson;
import picocli.CommandLine;

/** Models that Python exported, against the sweeps that Python's own PyTorch makes of them. */
class ModelsFromPythonTest {
  private static final Path FOLDER = Path.of("src/test/python");

  @ParameterizedTest
  @CsvSource({
    "mlp-adam, native, 1e-5",
    "mlp-smooth-l1-adamw, native, 1e-5",
    "cnn-sgd, native, 1e-5",
    "cnn-sgd, portable, 1e-5",
    "words-rmsprop, native, 1e-5",
    "words-rmsprop, portable, 1e-5",
    "cnn-bf16, native, 1e-2"
  })
  void theCurveIsPythons(String name, String engine, double tolerance) throws IOException {
    JsonNode expected = new ObjectMapper().readTree(FOLDER.resolve(name + ".json").toFile());
    LrFinderResult found =
        found(
            expected.path("options").asText()
                + " --threads 1 --no-auto-range --no-auto-steps --engine "
                + engine);
    assertThat(found.engine().engine()).hasToString(engine);
    double[] losses = found.results().losses();
    assertThat(losses).hasSize(expected.path("loss").size());
    for (int i = 0; i < losses.length; i++) {
      double loss = expected.path("loss").path(i).asDouble();
      assertThat(losses[i])
          .as("loss of step %d", i)
          .isCloseTo(loss, within(tolerance * Math.max(loss, 1)));
      assertThat(found.results().rates()[i])
          .isCloseTo(
              expected.path("lr").path(i).asDouble(), within(1e-12 * found.results().rates()[i]));
    }
  }

  private static LrFinderResult found(String options) {
    List<String> arguments = new ArrayList<>(List.of("find", "--json"));
    for (String word : options.split(" ")) {
      arguments.add(word.matches(".*\\.(pt|npy|npz)(:.*)?") ? FOLDER + "/" + word : word);
    }
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine commandLine = Main.commandLine();
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    int code = Main.run(commandLine, arguments.toArray(String[]::new));
    assertThat(code).as(err + Arrays.toString(arguments.toArray())).isLessThan(Main.INPUT);
    return ResultJson.fromJson(out.toString());
  }
}

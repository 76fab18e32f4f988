package org.lrfinder.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.StepFunction;

/** Of a stored result that somebody has changed, nothing comes out but a result or a refusal. */
class ResultJsonFuzzTest {
  private static final String JSON =
      ResultJson.toJson(
          LrFinder.builder()
              .steps(30)
              .repeats(2)
              .autoSteps(true)
              .build()
              .find(StepFunction.of(lr -> lr < 1e-2 ? 2 - lr : 1 + lr)));

  @Provide
  Arbitrary<String> changed() {
    Arbitrary<String> words =
        Arbitraries.of(
            "0",
            "1",
            "-1",
            "3",
            "2147483647",
            "9223372036854775808",
            "1e308",
            "1e999",
            "NaN",
            "\"NaN\"",
            "null",
            "true",
            "[]",
            "{}",
            "[1]",
            "\"x\"",
            "\"\"",
            "OK",
            ",",
            "}",
            "]",
            "[".repeat(2000));
    Arbitrary<Integer> places = Arbitraries.integers().between(0, JSON.length() - 1);
    Arbitrary<String> once =
        Combinators.combine(places, words).as(ResultJsonFuzzTest::withOtherWord);
    Arbitrary<String> cut = places.map(end -> JSON.substring(0, end));
    return Arbitraries.oneOf(List.of(once, once, once, cut, Arbitraries.strings().ofMaxLength(50)));
  }

  /** Puts a word where one is, or a number. */
  private static String withOtherWord(int place, String word) {
    int from = place;
    while (from < JSON.length() && !Character.isLetterOrDigit(JSON.charAt(from))) {
      from++;
    }
    int to = from;
    while (to < JSON.length()
        && (Character.isLetterOrDigit(JSON.charAt(to)) || JSON.charAt(to) == '.')) {
      to++;
    }
    return JSON.substring(0, from) + word + JSON.substring(to);
  }

  @Property
  void whatIsReadIsAResultOrRefused(@ForAll("changed") String json) {
    LrFinderResult read;
    try {
      read = ResultJson.fromJson(json);
    } catch (IllegalArgumentException e) {
      assertThat(e.getMessage()).isNotBlank();
      return;
    }
    assertThat(ResultJson.fromJson(ResultJson.toJson(read))).isEqualTo(read);
    assertThat(read.toString()).isNotEmpty();
  }

  @Test
  void aFileThatIsNotUtf8IsNoResult(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("lr.json");
    Files.writeString(file, JSON.replace("OK", "\u00D6K"), StandardCharsets.ISO_8859_1);
    assertThatThrownBy(() -> ResultJson.read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(file + ": not a result of lrfinder: it is not UTF-8");
  }
}

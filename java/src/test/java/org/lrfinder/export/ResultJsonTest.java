package org.lrfinder.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.StepFunction;

class ResultJsonTest {
  @TempDir private Path folder;

  private static LrFinderResult falling() {
    double[] weight = {5};
    return LrFinder.builder()
        .minLr(1e-4)
        .maxLr(100)
        .gradientClipNorm(0.1)
        .groupRatios(0.1)
        .build()
        .find(
            StepFunction.of(
                lr -> {
                  double loss = weight[0] * weight[0];
                  weight[0] -= lr * 2 * weight[0];
                  return loss;
                }));
  }

  @Test
  void aResultReadBackEqualsTheOneWritten() {
    LrFinderResult withoutSuggestion =
        LrFinder.builder().noEarlyStop().steps(5).build().find(StepFunction.of(lr -> 1 / 3.0));
    LrFinderResult repeatedAndExtended =
        LrFinder.builder()
            .maxLr(1e-6)
            .steps(20)
            .autoSteps()
            .repeats(3)
            .build()
            .find(StepFunction.of(lr -> 2.3));
    assertThat(repeatedAndExtended.attempts()).hasSize(1);
    assertThat(repeatedAndExtended.repeats()).isPresent();
    assertThat(falling().range()).isPresent();
    for (LrFinderResult result :
        new LrFinderResult[] {falling(), withoutSuggestion, repeatedAndExtended}) {
      assertThat(ResultJson.fromJson(ResultJson.toJson(result)))
          .isEqualTo(result)
          .hasSameHashCodeAs(result);
      Path file = folder.resolve("result.json");
      ResultJson.write(result, file);
      assertThat(ResultJson.read(file)).isEqualTo(result);
    }
  }

  @Test
  void theJsonSpeaksTheFieldsTerms() {
    assertThat(ResultJson.toJson(falling()))
        .contains(
            "\"rates\":[1.0E-4,",
            "\"losses\":[25.0,",
            "\"smoothed_losses\":[25.",
            "\"end_reason\":\"DIVERGED\"",
            "\"status\":\"OK\"")
        .contains(
            "\"suggestion\":{\"lr\":",
            "\"rule\":\"default\"",
            "\"suggestions\":[{\"lr\":",
            "\"range\":{\"base\":",
            "\"largest_stable_lr\":",
            "\"early_stop_threshold\":4.0",
            "\"gradient_clip_norm\":0.1",
            "\"libtorch\":");
  }

  @Test
  void whatIsNoResultIsRefused() throws Exception {
    assertThatThrownBy(() -> ResultJson.fromJson("[1]"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("not a result of lrfinder");
    assertThatThrownBy(() -> ResultJson.fromJson("{\"status\":\"OK\"}"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ResultJson.read(folder.resolve("none")))
        .isInstanceOf(UncheckedIOException.class);
  }

  @Test
  void aFailedWriteLeavesTheEarlierFileAndNothingElse() throws Exception {
    Path directory = Files.createDirectories(folder.resolve("taken/inner")).getParent();
    assertThatThrownBy(() -> ResultJson.write(falling(), directory))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(directory.toString());
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(directory);
    }
  }
}

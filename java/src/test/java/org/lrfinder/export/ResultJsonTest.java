package org.lrfinder.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.LrInterval;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.StepFunction;

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
            .autoSteps(true)
            .autoBudget(300)
            .repeats(3)
            .build()
            .find(StepFunction.of(lr -> 2.3));
    assertThat(repeatedAndExtended.attempts()).hasSize(1);
    assertThat(repeatedAndExtended.repeats()).isPresent();
    assertThat(falling().cyclicRange()).isPresent();
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
            "\"rule\":\"middle-of-fall\"",
            "\"suggestions\":[{\"lr\":",
            "\"cyclic_range\":{\"base\":",
            "\"largest_stable_lr\":",
            "\"early_stop_threshold\":4.0",
            "\"gradient_clip_norm\":0.1",
            "\"libtorch\":");
  }

  /** For readers that have the file alone. */
  @Test
  void theJsonsWarningsBeginWithWhatAStatusThatIsNotOkMeans() {
    LrFinderResult flat = LrFinder.builder().build().find(StepFunction.of(lr -> 2.3));
    assertThat(flat.status()).isEqualTo(Status.FLAT_NOISE);
    assertThat(flat.warnings()).isEmpty();
    assertThat(ResultJson.toJson(flat))
        .contains("\"warnings\":[\"" + Status.FLAT_NOISE.words() + "\"]");
    assertThat(ResultJson.toJson(falling())).contains("\"warnings\":[]");
  }

  @Test
  void aFileFromBeforeReplayIsRead() throws Exception {
    ObjectNode tree = (ObjectNode) new ObjectMapper().readTree(ResultJson.toJson(falling()));
    assertThat(tree.remove("replay").toString())
        .isEqualTo("{\"steps\":0,\"reason\":\"a step function does its own steps\"}");
    LrFinderResult read = ResultJson.fromJson(tree.toString());
    assertThat(read.replay())
        .isEqualTo(Replay.of(0, "the result was stored before replay was known"));
    assertThat(read.results()).isEqualTo(falling().results());
    String replayed =
        changed(ResultJson.toJson(falling()), "replay", "{\"steps\":98,\"reason\":null}");
    assertThat(ResultJson.fromJson(replayed).replay()).isEqualTo(Replay.of(98, ""));
    assertThat(ResultJson.toJson(ResultJson.fromJson(replayed))).isEqualTo(replayed);
  }

  @Test
  void theDeviceAndHowLossesCameFromItAreKept() throws Exception {
    LrFinderResult result = falling();
    DeviceInfo device = new DeviceInfo("NVIDIA H200", "570.86.15", "9.0", 1L << 36, 1L << 37);
    for (EngineInfo info :
        new EngineInfo[] {
          engine("native", "cuda:0", "late", Optional.of("no graph"), Optional.of(device)),
          engine("native", "cuda:1", "graph", Optional.empty(), Optional.empty()),
          engine("portable", "cpu", "immediate", Optional.of("no library"), Optional.empty())
        }) {
      LrFinderResult there =
          LrFinderResult.of(
              result.settings(),
              result.results(),
              result.endReason(),
              result.groups(),
              Answer.to(
                  result.settings(),
                  result.results(),
                  result.endReason(),
                  result.groups(),
                  new MiddleOfFall()),
              info,
              result.replay());
      assertThat(ResultJson.fromJson(ResultJson.toJson(there))).isEqualTo(there);
    }
  }

  private static EngineInfo engine(
      String name,
      String device,
      String path,
      Optional<String> reason,
      Optional<DeviceInfo> hardware) {
    Optional<String> engineReason = name.equals("portable") ? reason : Optional.empty();
    Optional<String> pathReason = name.equals("portable") ? Optional.empty() : reason;
    return new EngineInfo(
        name, engineReason, device, 2, "MKL", "2.10.0", path, pathReason, hardware);
  }

  @Test
  void aFileFromBeforePathsWereKnownIsRead() throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode tree = (ObjectNode) mapper.readTree(ResultJson.toJson(falling()));
    ObjectNode engine = (ObjectNode) tree.get("engine");
    engine.remove(List.of("engine_reason", "path", "path_reason", "hardware"));
    assertThat(ResultJson.fromJson(tree.toString()).engine())
        .isEqualTo(EngineInfo.ofStepFunction());
    engine.put("device", "cuda:0");
    assertThat(ResultJson.fromJson(tree.toString()).engine())
        .isEqualTo(
            new EngineInfo(
                "step function",
                Optional.empty(),
                "cuda:0",
                0,
                "",
                "",
                "immediate",
                Optional.empty(),
                Optional.empty()));
  }

  @Test
  void aFileOfARuleThatThisVersionDoesNotKnowKeepsItsName() {
    String json = ResultJson.toJson(falling()).replace("middle-of-fall", "earlier");
    LrFinderResult read = ResultJson.fromJson(json);
    assertThat(read.suggestion()).isEqualTo(read.suggestion("earlier")).isPresent();
    assertThat(ResultJson.toJson(read)).isEqualTo(json);
  }

  @Test
  void theIntervalIsKeptAndMissingFromAnEarlierFile() {
    LrFinderResult found = falling();
    LrInterval interval = found.suggestion().orElseThrow().interval().orElseThrow();
    String json = ResultJson.toJson(found);
    assertThat(ResultJson.fromJson(json).suggestion().orElseThrow().interval()).contains(interval);
    String earlier = json.replaceAll(",\"interval\":(null|\\{[^}]*})", "");
    assertThat(earlier).doesNotContain("interval");
    LrFinderResult read = ResultJson.fromJson(earlier);
    assertThat(read).isEqualTo(found);
    assertThat(read.suggestion().orElseThrow().interval()).isEmpty();
  }

  @Test
  void whatIsNoResultIsRefused() throws Exception {
    refused("[1]", "not a result of lrfinder: it is array, not a JSON object");
    refused("null", "not a result of lrfinder: it is null, not a JSON object");
    refused("", "not a result of lrfinder: it is empty, not a JSON object");
    refused(
        "{\"format\":1", "not a result of lrfinder: line 1, column 12: Unexpected end-of-input");
    String json = ResultJson.toJson(falling());
    refused(json + " junk", "not a result of lrfinder: line 1, column ");
    refused(json + json, "not a result of lrfinder: line 1, column ");
    Path file = folder.resolve("result.json");
    Files.writeString(file, "[1]");
    assertThatThrownBy(() -> ResultJson.read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(file + ": not a result of lrfinder: it is array, not a JSON object");
    assertThatThrownBy(() -> ResultJson.read(folder.resolve("none")))
        .isInstanceOf(UncheckedIOException.class);
  }

  @Test
  void aFieldThatIsMissingNullOrOfAnotherKindIsNamed() {
    String json = ResultJson.toJson(falling());
    refused(
        "{\"format\":1,\"status\":\"OK\"}",
        "lrfinder_version is missing, null or of the wrong kind");
    for (String field :
        new String[] {"settings", "engine", "end_reason", "status", "suggestions", "warnings"}) {
      String words = ": " + field + " is missing, null or of the wrong kind";
      refused(changed(json, field, null), "not a result of lrfinder: line 1, column ", words);
      refused(changed(json, field, "2"), "not a result of lrfinder: line 1, column ", words);
    }
    refused(changed(json, "losses", "[1,null]"), "losses[1] is missing, null or");
    refused(changed(json, "groups", "[null]"), "groups[0] is missing, null or");
    refused(
        changed(json, "cyclic_range", "{\"base\":2,\"max\":1}"),
        "cyclic_range: base is 2.0 and max 1.0, but");
    refused(
        json.replace("\"steps\":100", "\"steps\":\"many\""), "settings.steps is missing, null or");
    refused(json.replace("\"steps\":100", "\"steps\":99.5"), "settings.steps is missing, null or");
    refused(
        json.replace("\"steps\":100", "\"steps\":\"100\""), "settings.steps is missing, null or");
    refused(json.replace("\"steps\":100", "\"steps\":2"), "steps is 2, but must be at least 3");
  }

  @Test
  void aLossThatIsNoNumberIsKept() {
    StringBuilder losses = new StringBuilder("[\"NaN\",\"Infinity\"");
    losses.append(",-0.5".repeat(falling().results().size() - 2)).append(']');
    String json = changed(ResultJson.toJson(falling()), "validation_losses", losses.toString());

    LrFinderResult read = ResultJson.fromJson(json);

    assertThat(read.results().validationLosses())
        .startsWith(Double.NaN, Double.POSITIVE_INFINITY, -0.5);
    assertThat(ResultJson.fromJson(ResultJson.toJson(read))).isEqualTo(read);
  }

  @Test
  void aNextVersionsFileIsReadIfItHasMoreFieldsAndRefusedByNameIfItsFormatIsAnother() {
    String json = ResultJson.toJson(falling());
    String more =
        json.replace("{\"format\":1,", "{\"format\":1,\"mood\":{\"good\":[true]},")
            .replace("\"settings\":{", "\"settings\":{\"colour\":null,");
    assertThat(more).hasSizeGreaterThan(json.length() + 30);
    assertThat(ResultJson.fromJson(more)).isEqualTo(falling());
    refused(
        changed(changed(json, "lrfinder_version", "\"7.0\""), "format", "2"),
        "the result has format 2, written by lrfinder 7.0, but this version of lrfinder reads format"
            + " 1 alone");
    String withoutNumber = json.replace("\"format\":1,", "");
    assertThat(withoutNumber).isNotEqualTo(json);
    refused(
        withoutNumber,
        "not a result of lrfinder: its format has no number; files from before formats had one"
            + " cannot be read, sweep again");
  }

  private static String changed(String json, String field, String value) {
    try {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode tree = (ObjectNode) mapper.readTree(json);
      assertThat(tree.has(field)).isTrue();
      tree.set(field, mapper.readTree(value == null ? "null" : value));
      return mapper.writeValueAsString(tree);
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  private static void refused(String json, String... words) {
    assertThatThrownBy(() -> ResultJson.fromJson(json))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(words)
        .hasMessageNotContaining("because");
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

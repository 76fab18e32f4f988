package org.lrfinder.export;

import static com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility.ANY;
import static java.util.Locale.ROOT;
import static java.util.stream.Collectors.joining;

import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.lrfinder.Attempt;
import org.lrfinder.LrFinderResult;
import org.lrfinder.Repeats;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.internal.io.AtomicFile;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.LrInterval;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepSettings;
import org.lrfinder.sweep.SweepSettings;

/**
 * Results as JSON: settings, status, what every rule says, range, warnings, earlier attempts and
 * repeats, what computed them, and rates, losses and smoothed losses in full precision. A result
 * read back equals the one written. Thread-safe.
 *
 * <p>The first field, {@code format}, is the number of the format. Fields that are not known are
 * ignored, so that a version of the library that writes more of them keeps the number; one whose
 * files this one would misread raises it, and is refused. So are files without a number, which were
 * written before there was one: their sweeps have to be done again.
 */
public final class ResultJson {
  private static final int FORMAT = 1;
  private static final Set<String> LATER_SETTINGS = Set.of("replay"); // than the format
  private static final String NO_RESULT = "not a result of lrfinder: ";
  private static final String UNFIT = " is missing, null or of the wrong kind";

  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .addMixIn(StepSettings.class, ByFields.class)
          .addMixIn(SweepSettings.class, FlatSettings.class)
          .addMixIn(SweepSettings.Builder.class, ByFields.class)
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .defaultSetterInfo(JsonSetter.Value.construct(Nulls.FAIL, Nulls.FAIL))
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private ResultJson() {}

  /** The file's form: what JSON cannot say of the result's own types is said otherwise. */
  private record Form(
      int format,
      @JsonSetter(nulls = Nulls.SET) @Nullable String lrfinderVersion,
      EngineForm engine,
      ReplayForm replay,
      ObjectNode settings,
      EndReason endReason,
      String rule,
      Status status,
      @JsonSetter(nulls = Nulls.SET) @Nullable SuggestionForm suggestion,
      List<SuggestionForm> suggestions,
      @JsonSetter(nulls = Nulls.SET) @Nullable LrRange cyclicRange,
      @JsonSetter(nulls = Nulls.SET) @Nullable Double largestStableLr,
      List<String> warnings,
      List<Attempt> attempts,
      @JsonSetter(nulls = Nulls.SET) @Nullable List<Repeat> repeats,
      List<GroupRate> groups,
      double[] rates,
      double[] losses,
      double[] smoothedLosses,
      double[] validationLosses) {}

  /** A suggestion whose interval is null if it has none, as in earlier files. */
  private record SuggestionForm(
      double lr,
      List<Double> perGroup,
      String rule,
      int index,
      double loss,
      @JsonSetter(nulls = Nulls.SET) @Nullable LrInterval interval) {
    static SuggestionForm of(Suggestion suggestion) {
      return new SuggestionForm(
          suggestion.lr(),
          suggestion.perGroup(),
          suggestion.rule(),
          suggestion.index(),
          suggestion.loss(),
          suggestion.interval().orElse(null));
    }

    Suggestion suggestion() {
      return new Suggestion(lr, perGroup, rule, index, loss)
          .withInterval(Optional.ofNullable(interval));
    }
  }

  /** What was replayed; the reason is null if some was. */
  private record ReplayForm(long steps, @JsonSetter(nulls = Nulls.SET) @Nullable String reason) {
    static final ReplayForm OF_EARLIER_FILES =
        new ReplayForm(0, "the result was stored before replay was known");

    static ReplayForm of(Replay replay) {
      return new ReplayForm(replay.steps(), replay.reason().orElse(null));
    }

    Replay replay() {
      return new Replay(steps, Optional.ofNullable(reason));
    }
  }

  /**
   * What computed the steps. In earlier files there is no path, or no reason for the engine, and in
   * none hardware that is not known.
   */
  private record EngineForm(
      String engine,
      @JsonSetter(nulls = Nulls.SET) @Nullable String engineReason,
      String device,
      int threads,
      String blas,
      String libtorch,
      String path,
      @JsonSetter(nulls = Nulls.SET) @Nullable String pathReason,
      @JsonSetter(nulls = Nulls.SET) @Nullable DeviceInfo hardware) {
    static EngineForm of(EngineInfo info) {
      return new EngineForm(
          info.engine(),
          info.engineReason().orElse(null),
          info.device(),
          info.threads(),
          info.blas(),
          info.libtorch(),
          info.path(),
          info.pathReason().orElse(null),
          info.hardware().orElse(null));
    }

    EngineInfo info() {
      return new EngineInfo(
          engine,
          Optional.ofNullable(engineReason),
          device,
          threads,
          blas,
          libtorch,
          path,
          Optional.ofNullable(pathReason),
          Optional.ofNullable(hardware));
    }
  }

  /** A repeat whose rate is null if there is none. */
  private record Repeat(
      Curve curve, Status status, @JsonSetter(nulls = Nulls.SET) @Nullable Double lr) {}

  @JsonAutoDetect(fieldVisibility = ANY)
  private abstract static class ByFields {}

  /** In the file the settings of a step stand among the others. */
  @JsonDeserialize(builder = SweepSettings.Builder.class)
  private abstract static class FlatSettings extends ByFields {
    @JsonUnwrapped private StepSettings step;
  }

  /**
   * Writes a result as one line of JSON.
   *
   * @param result what to write
   * @return the JSON, without a line feed
   */
  public static String toJson(LrFinderResult result) {
    Form form =
        new Form(
            FORMAT,
            LrFinderResult.class.getPackage().getImplementationVersion(),
            EngineForm.of(result.engine()),
            ReplayForm.of(result.replay()),
            form(result.settings()),
            result.endReason(),
            result.rule(),
            result.status(),
            result.suggestion().map(SuggestionForm::of).orElse(null),
            result.suggestions().stream().map(SuggestionForm::of).toList(),
            result.cyclicRange().orElse(null),
            orNull(result.largestStableLr()),
            warnings(result),
            result.attempts(),
            result.repeats().map(ResultJson::form).orElse(null),
            result.groups(),
            result.results().rates(),
            result.results().losses(),
            result.results().smoothedLosses(),
            result.results().validationLosses());
    try {
      return MAPPER.writeValueAsString(form);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a result that JSON cannot hold", e);
    }
  }

  /**
   * Reads a result.
   *
   * @param json what {@link #toJson} wrote
   * @return a result that equals the one written
   * @throws IllegalArgumentException if it is no such JSON, the message says where; if its format
   *     is that of another version of the library
   */
  public static LrFinderResult fromJson(String json) {
    try {
      JsonNode tree = MAPPER.readTree(json);
      requireFormat(tree);
      Form form = MAPPER.readValue(withLaterFields((ObjectNode) tree, json), Form.class);
      return LrFinderResult.of(
              settings(form.settings),
              new Curve(form.rates, form.losses, form.smoothedLosses, form.validationLosses),
              form.endReason,
              form.groups,
              new Answer(
                  form.rule,
                  form.status,
                  form.suggestions.stream().map(SuggestionForm::suggestion).toList(),
                  Optional.ofNullable(form.cyclicRange),
                  orEmpty(form.largestStableLr),
                  form.warnings.stream().skip(form.status == Status.OK ? 0 : 1).toList()),
              form.engine.info(),
              form.replay.replay())
          .with(form.attempts, repeats(form.repeats), List.of());
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(NO_RESULT + problem(e), e);
    }
  }

  /** A file of this format as it is, if it has all fields that came later. */
  private static String withLaterFields(ObjectNode tree, String json)
      throws JsonProcessingException {
    boolean complete = tree.has("replay");
    if (!complete) {
      tree.set("replay", MAPPER.valueToTree(ReplayForm.OF_EARLIER_FILES));
    }
    if (tree.get("engine") instanceof ObjectNode engine && !engine.has("path")) {
      // Each loss was read in its step; a step function had no path.
      engine.put("path", engine.path("device").asText().isEmpty() ? "" : "immediate");
      engine.putNull("path_reason").putNull("hardware");
      complete = false;
    }
    if (tree.get("engine") instanceof ObjectNode engine && !engine.has("engine_reason")) {
      engine.putNull("engine_reason");
      complete = false;
    }
    List<JsonNode> suggestions = new ArrayList<>(List.of(tree.path("suggestion")));
    tree.path("suggestions").forEach(suggestions::add);
    for (JsonNode suggestion : suggestions) {
      if (suggestion instanceof ObjectNode earlier && !earlier.has("interval")) {
        earlier.putNull("interval");
        complete = false;
      }
    }
    // Where the faults of a file are is said by line and column.
    return complete ? json : MAPPER.writeValueAsString(tree);
  }

  private static void requireFormat(JsonNode tree) {
    if (!tree.isObject()) {
      String kind = tree.isMissingNode() ? "empty" : tree.getNodeType().name().toLowerCase(ROOT);
      throw new IllegalArgumentException(NO_RESULT + "it is %s, not a JSON object".formatted(kind));
    }
    JsonNode format = tree.path("format");
    if (!format.isInt()) {
      throw new IllegalArgumentException(
          NO_RESULT
              + "its format has no number; files from before formats had one cannot be read, sweep"
              + " again");
    }
    if (format.intValue() != FORMAT) {
      throw new IllegalArgumentException(
          "the result has format %s, written by lrfinder %s, but this version of lrfinder reads format %d alone"
              .formatted(format, tree.path("lrfinder_version").asText("?"), FORMAT));
    }
  }

  private static String problem(JsonProcessingException e) {
    JsonLocation at = e.getLocation();
    String where =
        at == null || at.getLineNr() < 1
            ? ""
            : "line %d, column %d: ".formatted(at.getLineNr(), at.getColumnNr());
    if (!(e instanceof JsonMappingException mapping) || mapping.getPath().isEmpty()) {
      return where + e.getOriginalMessage();
    }
    String field =
        mapping.getPath().stream()
            .map(s -> s.getFieldName() == null ? "[" + s.getIndex() + "]" : "." + s.getFieldName())
            .collect(joining())
            .substring(1);
    return e.getCause() instanceof IllegalArgumentException refused
        ? where + field + ": " + refused.getMessage()
        : where + field + UNFIT;
  }

  /**
   * Writes a result to a file, by atomic rename.
   *
   * @param result what to write
   * @param file where to; its folder must exist
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public static void write(LrFinderResult result, Path file) {
    AtomicFile.write(file, (toJson(result) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads a result from a file.
   *
   * @param file what {@link #write} wrote
   * @return a result that equals the one written
   * @throws UncheckedIOException if it cannot be read
   * @throws IllegalArgumentException if it holds something else; the message names the file
   */
  public static LrFinderResult read(Path file) {
    try {
      return fromJson(Files.readString(file));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + ": " + NO_RESULT + "it is not UTF-8", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e, e);
    }
  }

  private static ObjectNode form(SweepSettings settings) {
    ObjectNode form = MAPPER.valueToTree(settings);
    for (Map.Entry<String, JsonNode> field : form.properties()) {
      if (Double.isInfinite(field.getValue().asDouble())) {
        field.setValue(NullNode.instance);
      }
    }
    return form;
  }

  private static SweepSettings settings(ObjectNode form) throws JsonProcessingException {
    for (Map.Entry<String, JsonNode> field : form(SweepSettings.DEFAULTS).properties()) {
      String name = field.getKey();
      if (!form.has(name) && !LATER_SETTINGS.contains(name)) { // a builder would take its default
        throw new IllegalArgumentException(NO_RESULT + "settings." + name + UNFIT);
      }
      if (form.path(name).isNull()) {
        form.put(name, Double.POSITIVE_INFINITY); // refused where none is not allowed
      }
    }
    try {
      return MAPPER.treeToValue(form, SweepSettings.class);
    } catch (JsonProcessingException e) {
      throw JsonMappingException.wrapWithPath(e, Form.class, "settings");
    }
  }

  /** What the status means comes first, for readers that have the file alone. */
  private static List<String> warnings(LrFinderResult result) {
    Stream<String> status =
        Stream.of(result.status()).filter(s -> s != Status.OK).map(Status::words);
    return Stream.concat(status, result.warnings().stream()).toList();
  }

  private static List<Repeat> form(Repeats repeats) {
    return repeats.sweeps().stream()
        .map(sweep -> new Repeat(sweep.curve(), sweep.status(), orNull(sweep.lr())))
        .toList();
  }

  private static @Nullable Repeats repeats(@Nullable List<Repeat> form) {
    return form == null
        ? null
        : new Repeats(
            form.stream()
                .map(
                    sweep -> new Repeats.Repeat(sweep.curve(), sweep.status(), orEmpty(sweep.lr())))
                .toList());
  }

  private static @Nullable Double orNull(OptionalDouble value) {
    return value.isPresent() ? value.getAsDouble() : null;
  }

  private static OptionalDouble orEmpty(@Nullable Double value) {
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }
}

package org.lrfinder.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.lrfinder.Attempt;
import org.lrfinder.LrFinderResult;
import org.lrfinder.Repeats;
import org.lrfinder.Status;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.io.AtomicFile;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.Precision;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;

/**
 * Results as JSON: settings, status, what every rule says, range, warnings, earlier attempts and
 * repeats, what computed them, and rates, losses and smoothed losses in full precision. A result
 * read back equals the one written. Thread-safe.
 */
public final class ResultJson {
  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .build();

  private ResultJson() {}

  /** The file's form: what JSON cannot say of the result's own types is said otherwise. */
  private record Form(
      @Nullable String lrfinderVersion,
      EngineInfo engine,
      Settings settings,
      EndReason endReason,
      String rule,
      Status status,
      @Nullable Suggestion suggestion,
      List<Suggestion> suggestions,
      @Nullable LrRange range,
      @Nullable Double largestStableLr,
      List<String> warnings,
      List<Attempt> attempts,
      @Nullable List<Repeat> repeats,
      List<GroupRate> groups,
      double[] rates,
      double[] losses,
      double[] smoothedLosses,
      double[] validationLosses) {}

  /** A repeat whose rate is null if there is none. */
  private record Repeat(Curve curve, Status status, @Nullable Double lr) {}

  /** Settings whose infinities, which mean none, are null. */
  private record Settings(
      double minLr,
      double maxLr,
      int steps,
      ScheduleMode mode,
      @Nullable Double earlyStopThreshold,
      double smoothingBeta,
      int accumulateGradBatches,
      @Nullable Double gradientClipNorm,
      @Nullable Double gradientClipValue,
      List<Double> groupRatios,
      List<Integer> sweptGroups,
      boolean cycleData,
      Precision precision,
      int validationBatches,
      int threads) {}

  /**
   * Writes a result as one line of JSON.
   *
   * @param result what to write
   * @return the JSON, without a line feed
   */
  public static String toJson(LrFinderResult result) {
    SweepSettings settings = result.settings();
    Form form =
        new Form(
            LrFinderResult.class.getPackage().getImplementationVersion(),
            result.engine(),
            new Settings(
                settings.minLr(),
                settings.maxLr(),
                settings.steps(),
                settings.mode(),
                finite(settings.earlyStopThreshold()),
                settings.smoothingBeta(),
                settings.accumulateGradBatches(),
                finite(settings.gradientClipNorm()),
                finite(settings.gradientClipValue()),
                settings.groupRatios(),
                settings.sweptGroups(),
                settings.cycleData(),
                settings.precision(),
                settings.validationBatches(),
                settings.threads()),
            result.endReason(),
            result.rule(),
            result.status(),
            result.suggestion().orElse(null),
            result.suggestions(),
            result.range().orElse(null),
            orNull(result.largestStableLr()),
            result.warnings(),
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
   * @throws IllegalArgumentException if it is no such JSON; the message says where
   */
  public static LrFinderResult fromJson(String json) {
    try {
      Form form = MAPPER.readValue(json, Form.class);
      Settings settings = form.settings;
      return new LrFinderResult(
          new SweepSettings(
              settings.minLr,
              settings.maxLr,
              settings.steps,
              settings.mode,
              orInfinity(settings.earlyStopThreshold),
              settings.smoothingBeta,
              settings.accumulateGradBatches,
              orInfinity(settings.gradientClipNorm),
              orInfinity(settings.gradientClipValue),
              settings.groupRatios,
              settings.sweptGroups,
              settings.cycleData,
              settings.precision,
              settings.validationBatches,
              settings.threads),
          new Curve(form.rates, form.losses, form.smoothedLosses, form.validationLosses),
          form.endReason,
          form.groups,
          form.rule,
          form.status,
          form.suggestions,
          Optional.ofNullable(form.range),
          orEmpty(form.largestStableLr),
          form.warnings,
          form.attempts,
          Optional.ofNullable(form.repeats).map(ResultJson::repeats),
          form.engine);
    } catch (JsonProcessingException | NullPointerException e) {
      throw new IllegalArgumentException("not a result of lrfinder: " + e.getMessage(), e);
    }
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
   * @throws IllegalArgumentException if it holds something else
   */
  public static LrFinderResult read(Path file) {
    try {
      return fromJson(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e, e);
    }
  }

  private static List<Repeat> form(Repeats repeats) {
    return repeats.sweeps().stream()
        .map(sweep -> new Repeat(sweep.curve(), sweep.status(), orNull(sweep.lr())))
        .toList();
  }

  private static Repeats repeats(List<Repeat> form) {
    return new Repeats(
        form.stream()
            .map(sweep -> new Repeats.Repeat(sweep.curve(), sweep.status(), orEmpty(sweep.lr())))
            .toList());
  }

  private static @Nullable Double orNull(OptionalDouble value) {
    return value.isPresent() ? value.getAsDouble() : null;
  }

  private static OptionalDouble orEmpty(@Nullable Double value) {
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  private static @Nullable Double finite(double value) {
    return Double.isInfinite(value) ? null : value;
  }

  private static double orInfinity(@Nullable Double value) {
    return value == null ? Double.POSITIVE_INFINITY : value;
  }
}

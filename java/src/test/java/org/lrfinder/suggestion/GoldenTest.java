package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;

/**
 * Every rule against the picks in {@code src/test/golden}, on curves with the running average and
 * the stop of the tool that the rule is from.
 */
class GoldenTest {
  private static final Path FILE =
      Path.of(System.getProperty("lrfinder.golden", "src/test/golden/golden.json.gz"));

  /** Writes what the library's own rule says instead of comparing: after the rule was changed. */
  private static final boolean REMAKE = Boolean.getBoolean("lrfinder.golden.remake");

  private static final double EXACT = 1e-14; // points of the ladder, computed with another pow

  /** A tool's running average, and by how many times its best it stops. */
  private interface Smoothing {
    double[] of(double[] losses);
  }

  private record Tool(String ladder, SuggestionRule rule, Smoothing smoothing) {}

  private static final Map<String, Tool> TOOLS =
      Map.of(
          "lightning-0.8.1",
          new Tool("lightning", new Steepest(), GoldenTest::lightning),
          "lightning-2.6.6",
          new Tool(
              "lightning",
              new Steepest(10, 1, Steepest.Spacing.RATE),
              losses -> stopped(average(losses, 0.98, 2), 4)),
          "fastai-valley",
          new Tool("fastai", SuggestionRules.named("valley"), GoldenTest::lightning),
          "fastai-slide",
          new Tool("fastai", SuggestionRules.named("slide"), GoldenTest::lightning),
          "fastai-minimum",
          new Tool("fastai", SuggestionRules.named("minimum"), GoldenTest::lightning),
          "fastai-steep",
          new Tool("fastai", SuggestionRules.named("steep"), GoldenTest::lightning),
          "torch-lr-finder",
          new Tool("even", new Steepest(10, 5), losses -> stopped(torchLrFinder(losses), 5)));

  static Stream<String> tools() {
    return TOOLS.keySet().stream().sorted();
  }

  @ParameterizedTest
  @MethodSource("tools")
  void aPublishedRuleGivesItsToolsPick(String name) {
    Tool tool = TOOLS.get(name);
    sweeps(tool.ladder)
        .forEach(
            sweep -> {
              double[] smoothed = tool.smoothing.of(losses(sweep));
              Optional<Pick> pick = tool.rule.pick(curve(sweep, smoothed), settings(sweep));
              JsonNode expected = sweep.get("expected").get(name);
              assertThat(pick.isPresent())
                  .as("%s", sweep.get("task"))
                  .isEqualTo(!expected.isNull());
              pick.ifPresent(
                  lr -> {
                    // fastai's tenth of a rate can lie below the first one.
                    double first = sweep.get("rates").get(0).asDouble();
                    double within = Math.max(expected.asDouble(), first);
                    assertThat(lr.lr() / within)
                        .as("%s", sweep.get("task"))
                        .isCloseTo(1, within(EXACT));
                    assertThat(lr.warning() != null).isEqualTo(expected.asDouble() < first);
                  });
            });
  }

  @Test
  void theSweepsOwnRunningLossIsThatOfLightningAndFastaiAndSoIsItsStopOnceItHasSettled() {
    int settled = 10;
    Stream.of("lightning", "fastai")
        .flatMap(GoldenTest::sweeps)
        .map(GoldenTest::losses)
        // A loss of zero leaves nothing for a ratio: there a sweep stops by another measure.
        .filter(losses -> Arrays.stream(losses).allMatch(loss -> loss > 0 && loss < 1e30))
        .forEach(
            losses -> {
              LossTracker tracker = new LossTracker(0.98, 4, 100);
              double[] smoothed = lightning(losses);
              double best = Double.POSITIVE_INFINITY;
              for (int i = 0; i < smoothed.length; i++) {
                boolean stops = i >= settled && smoothed[i] > 4 * best;
                assertThat(tracker.add(losses[i])).isEqualTo(stops);
                assertThat(tracker.smoothed()).isCloseTo(smoothed[i], within(1e-12 * smoothed[i]));
                best = i < settled ? smoothed[i] : Math.min(best, smoothed[i]);
              }
            });
  }

  @Test
  void theDefaultGivesItsPickAndStatus() throws IOException {
    JsonNode all = all();
    for (JsonNode sweep : all) {
      if (!isOn("even", sweep)) {
        continue;
      }
      double[] losses = losses(sweep);
      int finite = losses.length;
      while (!Double.isFinite(losses[finite - 1])) {
        finite--;
      }
      Curve curve = curve(sweep, Arrays.copyOf(losses, finite));
      EndReason end = finite < losses.length ? EndReason.NON_FINITE : EndReason.COMPLETED;
      double lr = SuggestionRules.named("default").pick(curve, settings(sweep)).orElseThrow().lr();
      Status status = Status.of(Descent.of(curve, settings(sweep)), curve, end);
      ObjectNode expected = (ObjectNode) sweep.get("expected");
      if (REMAKE) {
        expected.put("default", lr).put("default-status", status.name());
      }
      assertThat(lr / expected.get("default").asDouble())
          .as("%s", sweep.get("task"))
          .isCloseTo(1, within(1e-6));
      assertThat(status)
          .as("%s", sweep.get("task"))
          .hasToString(expected.get("default-status").asText());
    }
    if (REMAKE) {
      try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(FILE))) {
        new ObjectMapper().writeValue(out, all);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lightning", "fastai", "even"})
  void thereAreSixtySweepsOnEachLadder(String ladder) {
    assertThat(sweeps(ladder)).hasSize(60);
  }

  /** Of Lightning 0.8.1 and of fastai. */
  static double[] lightning(double[] losses) {
    return stopped(average(losses, 0.98, 1), 4);
  }

  /** Corrected by {@code 1 - beta^(i + offset)}: 1 is right, Lightning 2 has 2. */
  private static double[] average(double[] losses, double beta, int offset) {
    double[] smoothed = new double[losses.length];
    double average = 0;
    for (int i = 0; i < losses.length; i++) {
      average = beta * average + (1 - beta) * losses[i];
      smoothed[i] = average / (1 - Math.pow(beta, i + offset));
    }
    return smoothed;
  }

  private static double[] torchLrFinder(double[] losses) {
    double[] smoothed = losses.clone();
    for (int i = 1; i < losses.length; i++) {
      smoothed[i] = 0.05 * losses[i] + (1 - 0.05) * smoothed[i - 1];
    }
    return smoothed;
  }

  private static double[] stopped(double[] smoothed, double threshold) {
    double best = smoothed[0];
    for (int i = 1; i < smoothed.length; i++) {
      if (smoothed[i] > threshold * best) {
        return Arrays.copyOf(smoothed, i + 1);
      }
      best = Math.min(best, smoothed[i]);
    }
    return smoothed;
  }

  /** As long as the smoothed losses are. */
  static Curve curve(JsonNode sweep, double[] smoothed) {
    return new Curve(
        Arrays.copyOf(doubles(sweep.get("rates")), smoothed.length),
        Arrays.copyOf(losses(sweep), smoothed.length),
        smoothed);
  }

  static SweepSettings settings(JsonNode sweep) {
    boolean lightning = sweep.get("ladder").asText().equals("lightning");
    SweepSettings settings =
        SweepSettings.builder()
            .minLr(lightning ? 1e-8 : 1e-7)
            .maxLr(lightning ? 1 : 10)
            .steps(100)
            .build();
    assertThat(settings.mode()).isEqualTo(ScheduleMode.EXPONENTIAL);
    return settings;
  }

  static double[] losses(JsonNode sweep) {
    return doubles(sweep.get("losses"));
  }

  static double[] doubles(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false)
        .mapToDouble(value -> Double.parseDouble(value.asText()))
        .toArray();
  }

  static Stream<JsonNode> sweeps(String ladder) {
    return StreamSupport.stream(all().spliterator(), false).filter(sweep -> isOn(ladder, sweep));
  }

  private static boolean isOn(String ladder, JsonNode sweep) {
    return sweep.get("ladder").asText().equals(ladder);
  }

  private static JsonNode all() {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(FILE))) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

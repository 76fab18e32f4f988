package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.export.ResultJson;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.StepOptions;
import org.lrfinder.sweep.SweepOptions;
import org.lrfinder.sweep.SweepSettings;

/** What holds of every setting, those to come included: each is found by its setter. */
class SettingsTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** A setting by its name, and the defaults with that one changed. */
  record Changed(String name, Method setter, Object value, SweepSettings settings) {
    @Override
    public String toString() {
      return name;
    }

    String inJson() {
      return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }
  }

  /** With more, OpenMP ends the process. */
  @Test
  void moreThreadsThanCanBeStartedAreRefused() {
    assertThat(LrFinder.builder().threads(1024).build()).isNotNull();
    for (int threads : new int[] {-1, 1025, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> LrFinder.builder().threads(threads).build())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "threads is %d, but must be from 1 to 1024, or 0 to let the engine choose", threads);
    }
  }

  static Stream<Changed> settings() {
    return Stream.<Class<?>>of(StepOptions.class, SweepOptions.class)
        .flatMap(options -> Arrays.stream(options.getDeclaredMethods()))
        .filter(method -> method.getParameterCount() == 1 && !method.isSynthetic())
        .filter(method -> !method.getName().matches("step|sweep")) // those set many
        .map(SettingsTest::changed);
  }

  private static Changed changed(Method setter) {
    return values(setter.getParameterTypes()[0])
        .map(
            value -> {
              try {
                SweepSettings.Builder builder = SweepSettings.builder();
                setter.invoke(builder, value);
                SweepSettings settings = builder.build();
                return settings.equals(SweepSettings.DEFAULTS)
                    ? null
                    : new Changed(setter.getName(), setter, value, settings);
              } catch (IllegalArgumentException e) {
                return null; // out of this one's range
              } catch (ReflectiveOperationException e) {
                throw new AssertionError(e);
              }
            })
        .filter(Objects::nonNull)
        .findFirst()
        .orElseThrow(() -> new AssertionError(setter + " changes nothing"));
  }

  private static Stream<Object> values(Class<?> type) {
    if (type == int.class) {
      return Stream.of(7);
    } else if (type == double.class) {
      return Stream.of(0.5, 5.0); // some are less than 1, others greater
    } else if (type == boolean.class) {
      return Stream.of(true, false);
    } else if (type == double[].class) {
      return Stream.of(new double[] {0.5});
    } else if (type == int[].class) {
      return Stream.of(new int[] {1});
    }
    return Stream.of(type.getEnumConstants());
  }

  @ParameterizedTest
  @MethodSource("settings")
  void everySettingIsKeptByEveryBuilder(Changed changed) throws Exception {
    SweepSettings settings = changed.settings;
    assertThat(settings).isNotEqualTo(SweepSettings.DEFAULTS);
    assertThat(settings.toString()).contains(changed.name + "=");
    assertThat(settings.toBuilder().build()).isEqualTo(settings).hasSameHashCodeAs(settings);
    LrFinder.Builder finder = LrFinder.builder();
    assertThat(changed.setter.invoke(finder, changed.value)).isSameAs(finder);
    assertThat(finder.build().settings()).isEqualTo(settings);
    assertThat(LrFinder.builder().sweep(settings).build().settings()).isEqualTo(settings);
  }

  @ParameterizedTest
  @MethodSource("settings")
  void everySettingIsReadAsItWasWrittenAndMissedWhereItIsMissing(Changed changed) throws Exception {
    ObjectNode json = (ObjectNode) MAPPER.readTree(ResultJson.toJson(swept(changed.settings)));
    assertThat(ResultJson.fromJson(json.toString()).settings()).isEqualTo(changed.settings);

    assertThat(json.withObject("settings").remove(changed.inJson())).isNotNull();
    if (changed.name.equals("replay")) { // not in files of earlier versions
      assertThat(ResultJson.fromJson(json.toString()).settings()).isEqualTo(SweepSettings.DEFAULTS);
      return;
    }
    assertThatThrownBy(() -> ResultJson.fromJson(json.toString()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "settings.%s is missing, null or of the wrong kind", changed.inJson());
  }

  private static LrFinderResult swept(SweepSettings settings) {
    return LrFinder.builder().sweep(settings).build().find(StepFunction.of(lr -> 1.0));
  }

  @Test
  void noneIsNullInJsonAndNothingElseMayBe() throws Exception {
    SweepSettings settings =
        SweepSettings.builder().noEarlyStop().steps(5).groupRange(1, 0.25, 0.5).build();
    String json = ResultJson.toJson(swept(settings));
    assertThat(json)
        .contains(
            "\"early_stop_threshold\":null",
            "\"gradient_clip_norm\":null",
            "\"gradient_clip_value\":null",
            "\"group_ranges\":[{\"group\":1,\"min_lr\":0.25,\"max_lr\":0.5}]");
    assertThat(ResultJson.fromJson(json).settings()).isEqualTo(settings);
    for (String field : List.of("steps", "mode", "cycle_data", "precision", "group_ratios")) {
      refusedWithNull(
          json, field, "settings.%s is missing, null or of the wrong kind".formatted(field));
    }
    refusedWithNull(json, "max_lr", "settings: maxLr is Infinity, but must be finite");
    refusedWithNull(
        json, "min_lr", "settings: maxLr is 1.0, but must be greater than minLr, which");
    refusedWithNull(json, "smoothing_beta", "settings: smoothingBeta is Infinity, but must be at");
  }

  private static void refusedWithNull(String json, String field, String words) throws Exception {
    ObjectNode tree = (ObjectNode) MAPPER.readTree(json);
    tree.withObject("settings").putNull(field);
    assertThatThrownBy(() -> ResultJson.fromJson(tree.toString()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(words);
  }
}

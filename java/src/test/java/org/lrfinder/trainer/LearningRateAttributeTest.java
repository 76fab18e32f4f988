package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;

/** The attribute that a found learning rate is written to. */
class LearningRateAttributeTest extends TrainerFixture {
  private LrFinderResult fit(Trainer.Builder builder, Model model) {
    return builder.build().fit(model).lrFind().orElseThrow();
  }

  // Attributes that are set.

  static final class WithMap extends ModelUnderTest {
    final Map<String, Object> hyperparameters;

    WithMap(Map<String, Object> hyperparameters) {
      this.hyperparameters = new LinkedHashMap<>(hyperparameters);
    }

    @Override
    public Map<String, Object> hyperparameters() {
      return hyperparameters;
    }
  }

  @Test
  void aHyperparameterComesBeforeAField() {
    WithMap model = new WithMap(Map.of("learning_rate", 0.5, "hidden", 8));
    LrFinderResult found = fit(trainer().autoLrFind(true), model);
    assertThat(model.hyperparameters)
        .containsEntry("learning_rate", found.suggestion().orElseThrow().lr())
        .containsEntry("hidden", 8);
    assertThat(model.lr).isEqualTo(1e-3);
  }

  @Test
  void lrComesBeforeLearningRateInEitherSpelling() {
    WithMap all = new WithMap(Map.of("learning_rate", 0.5, "learningRate", 0.4, "lr", 0.3));
    double found = fit(trainer().autoLrFind(true), all).suggestion().orElseThrow().lr();
    assertThat(all.hyperparameters)
        .containsEntry("lr", found)
        .containsEntry("learningRate", 0.4)
        .containsEntry("learning_rate", 0.5);

    WithMap two = new WithMap(Map.of("learning_rate", 0.5, "learningRate", 0.4));
    found = fit(trainer().autoLrFind(true), two).suggestion().orElseThrow().lr();
    assertThat(two.hyperparameters)
        .containsEntry("learningRate", found)
        .containsEntry("learning_rate", 0.5);
  }

  @Test
  void bothFieldsPresentSetsLrAlone() {
    class Both extends ModelUnderTest {
      double learningRate = 7;
    }
    Both model = new Both();
    double found = fit(trainer().autoLrFind(true), model).suggestion().orElseThrow().lr();
    assertThat(model.lr).isEqualTo(found);
    assertThat(model.learningRate).isEqualTo(7);
  }

  /** As users write them, with a getter and a setter. */
  public static final class Settings {
    private @Nullable Double rate;

    public @Nullable Double getRate() {
      return rate;
    }

    public void setRate(Double rate) {
      this.rate = rate;
    }
  }

  @Test
  void aNamedValueADottedPathANullWithASetterAndAFloatAreSet() {
    class Named extends ModelUnderTest {
      double my_value = 0.1;
      final Settings settings = new Settings();
      final Map<String, Object> optimizer = new LinkedHashMap<>(Map.of("rate", 0.1f));
    }
    Named named = new Named();
    assertThat(fit(trainer().autoLrFind("my_value"), named).suggestion().orElseThrow().lr())
        .isEqualTo(named.my_value);
    assertThat(named.lr).isEqualTo(1e-3);

    Named bean = new Named();
    assertThat(fit(trainer().autoLrFind("settings.rate"), bean).suggestion().orElseThrow().lr())
        .isEqualTo(bean.settings.getRate());

    Named map = new Named();
    double found = fit(trainer().autoLrFind("optimizer.rate"), map).suggestion().orElseThrow().lr();
    assertThat(map.optimizer.get("rate")).isEqualTo((float) found);
  }

  // Attributes that are refused.

  static Stream<Arguments> refused() {
    class NoRate implements Model {
      private final ModelUnderTest inner = new ModelUnderTest();

      @Override
      public Module module() {
        return inner.network;
      }

      @Override
      public Optimizer configureOptimizers() {
        return inner.configureOptimizers();
      }

      @Override
      public Iterable<Batch> trainBatches() {
        return inner.batches;
      }
    }
    class Final extends ModelUnderTest {
      final double rate = 0.1;
      final Double boxed = 0.1;
    }
    class Wrong extends ModelUnderTest {
      String text = "0.1";
      int whole = 1;
      @Nullable Double nothing = null;
      Object object = "0.1";
      final Map<String, Object> fixed = Map.of("rate", 0.1);
      @Nullable Settings missing = null;
    }
    return Stream.of(
        Arguments.of(
            new NoRate(),
            null,
            "looked for a hyperparameter, then a field, named lr or learningRate or learning_rate; found no hyperparameters and the fields [inner]"),
        Arguments.of(
            new WithMap(Map.of("hidden", 8)),
            "rate",
            "named rate; found the hyperparameters [hidden] and the fields [hyperparameters, lr, "),
        Arguments.of(new Final(), "rate", "found the field rate, which is final and has no setter"),
        Arguments.of(new Final(), "boxed", "found the field boxed, which is final"),
        Arguments.of(
            new Wrong(),
            "text",
            "found the field text, which is of type String, which cannot hold"),
        Arguments.of(new Wrong(), "whole", "found the field whole, which is of type int"),
        Arguments.of(
            new Wrong(), "nothing", "found the field nothing, which is null and has no setter"),
        Arguments.of(new Wrong(), "object", "field object, which is not a number but a String"),
        Arguments.of(
            new Wrong(),
            "fixed.rate",
            "field fixed.rate, which is in a map that cannot be changed"),
        Arguments.of(new Wrong(), "missing.rate", "named missing.rate; found no hyperparameters"),
        Arguments.of(new Wrong(), "a..b", "named a..b; found no hyperparameters"),
        Arguments.of(new Wrong(), ".", "named .; found no hyperparameters"),
        Arguments.of(new Wrong(), "...", "named ...; found no hyperparameters"),
        Arguments.of(new Wrong(), "lr.", "named lr.; found no hyperparameters"),
        Arguments.of(new Wrong(), ".lr", "named .lr; found no hyperparameters"),
        Arguments.of(new Wrong(), "fixed..rate", "named fixed..rate; found no hyperparameters"),
        Arguments.of(
            new WithMap(Map.of("lr", "high")),
            null,
            "found the hyperparameter lr, which is not a number but a String"));
  }

  @ParameterizedTest
  @MethodSource("refused")
  void whatCannotBeSetIsRefusedBeforeABatchIsDrawn(
      Model model, @Nullable String attribute, String message) {
    Trainer.Builder builder = trainer();
    Trainer trainer =
        (attribute == null ? builder.autoLrFind(true) : builder.autoLrFind(attribute)).build();

    assertThatThrownBy(() -> trainer.fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(model.getClass().getName())
        .hasMessageContaining(message);

    ModelUnderTest.CountedBatches batches =
        (ModelUnderTest.CountedBatches) Objects.requireNonNull(model.trainBatches());
    assertThat(batches.drawn).isZero();
    assertThat(folder).isEmptyDirectory();
    assertThat(lines()).isEmpty();
  }

  @Test
  void aRateThatTheOptimizerDoesNotUseIsSaid() {
    class Deaf extends ModelUnderTest {
      double my_value = 0.5;
    }
    Deaf model = new Deaf();
    double found = fit(trainer().autoLrFind("my_value"), model).suggestion().orElseThrow().lr();
    assertThat(model.my_value).isEqualTo(found);
    assertThat(lines())
        .anySatisfy(
            line ->
                assertThat(line)
                    .contains("configureOptimizers() does not use field my_value", "1.000e-03"));
  }

  @Test
  void hyperparametersMadeAnewEachTimeAreRefused() {
    class Copies extends ModelUnderTest {
      @Override
      public Map<String, Object> hyperparameters() {
        return new LinkedHashMap<>(Map.of("lr", lr));
      }
    }
    Copies model = new Copies();
    Trainer trainer = trainer().autoLrFind(true).build();
    assertThatThrownBy(() -> trainer.fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("gives another object each time");
    assertThat(model.batches.drawn).isZero();
  }

  /** Java gives overloaded methods in no order. */
  public static final class Overloaded {
    private double rate = 0.1;

    public double getRate() {
      return rate;
    }

    public void setRate(String text) {
      rate = Double.parseDouble(text);
    }

    public void setRate(double rate) {
      this.rate = rate;
    }

    public void setRate(Object any) {
      rate = -1;
    }
  }

  @Test
  void ofOverloadedSettersThatOfThePropertysTypeIsUsed() {
    class WithOverloads extends ModelUnderTest {
      final Overloaded settings = new Overloaded();
    }
    WithOverloads model = new WithOverloads();
    double found =
        fit(trainer().autoLrFind("settings.rate"), model).suggestion().orElseThrow().lr();
    assertThat(model.settings.getRate()).isEqualTo(found);
  }

  @Test
  void blankNamesAreRefused() {
    assertThatThrownBy(() -> trainer().autoLrFind(" "))
        .hasMessage("autoLrFind needs a name, not a blank");
  }
}

package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.yaml.snakeyaml.Yaml;

/** Finding the learning rate before a training, and the attribute that it is written to. */
class AutoLrFindTest {
  private static final LrFinder HUNDRED_STEPS = LrFinder.builder().steps(100).noEarlyStop().build();

  @TempDir private Path folder;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  private Trainer.Builder trainer() {
    return Trainer.builder()
        .maxEpochs(1)
        .defaultRootDir(folder)
        .console(new PrintStream(printed, true, StandardCharsets.UTF_8));
  }

  private List<String> lines() {
    return printed.toString(StandardCharsets.UTF_8).lines().toList();
  }

  private LrFinderResult fit(Trainer.Builder builder, Model model) {
    return builder.build().fit(model).lrFind().orElseThrow();
  }

  @Test
  void theFirstTrainingStepUsesTheFoundRateAndTheConsoleSaysItOnce() {
    ModelUnderTest model = new ModelUnderTest();
    List<TrainingStep> steps = new ArrayList<>();
    Trainer.Builder builder =
        trainer()
            .autoLrFind(true)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    steps.add(step);
                  }
                });

    double found = fit(builder, model).suggestion().orElseThrow().lr();

    assertThat(model.lr).isEqualTo(found).isNotEqualTo(1e-3);
    assertThat(model.configured).containsExactly(1e-3, found);
    assertThat(steps).hasSize(5).allSatisfy(step -> assertThat(step.lr()).isEqualTo(found));
    assertThat(lines().stream().filter(line -> line.contains("field lr set to")).toList())
        .hasSize(1)
        .first()
        .asString()
        .contains("%.3e".formatted(found));
  }

  @Test
  void isOffByDefault() {
    ModelUnderTest model = new ModelUnderTest();
    assertThat(trainer().build().fit(model).lrFind()).isEmpty();
    assertThat(model.lr).isEqualTo(1e-3);
    assertThat(model.configured).containsExactly(1e-3);
    assertThat(model.batches.drawn).isEqualTo(5);
  }

  @Test
  void theFoundRateIsLoggedWithTheOtherHyperparameters() throws IOException {
    class WithMore extends ModelUnderTest {
      final int hidden = 8;
      final String activation = "relu";
      final boolean bias = true;
    }
    WithMore model = new WithMore();
    double found = fit(trainer().autoLrFind(true), model).suggestion().orElseThrow().lr();

    Map<String, Object> logged =
        new Yaml().load(Files.readString(folder.resolve("lrfinder_logs/version_0/hparams.yaml")));
    assertThat(logged)
        .containsOnlyKeys("hidden", "activation", "bias", "lr")
        .containsEntry("lr", found)
        .containsEntry("hidden", 8)
        .containsEntry("activation", "relu")
        .containsEntry("bias", true);
  }

  private Map<String, Object> logged() throws IOException {
    return new Yaml()
        .load(Files.readString(folder.resolve("lrfinder_logs/version_0/hparams.yaml")));
  }

  @Test
  void aPathIntoAHyperparameterIsLoggedOnceWhereItIs() throws IOException {
    WithMap model =
        new WithMap(Map.of("optimizer", new LinkedHashMap<>(Map.of("rate", 0.1)), "hidden", 8));
    double found =
        fit(trainer().autoLrFind("optimizer.rate"), model).suggestion().orElseThrow().lr();
    assertThat(logged())
        .containsOnlyKeys("optimizer", "hidden")
        .containsEntry("optimizer", Map.of("rate", found));
  }

  @Test
  void aPathIntoAnotherFieldIsLoggedByItsPath() throws IOException {
    class Nested extends ModelUnderTest {
      final Map<String, Object> optimizer = new LinkedHashMap<>(Map.of("rate", 0.1));
    }
    Nested model = new Nested();
    double found =
        fit(trainer().autoLrFind("optimizer.rate"), model).suggestion().orElseThrow().lr();
    assertThat(logged())
        .containsOnlyKeys("lr", "optimizer.rate")
        .containsEntry("optimizer.rate", found);
  }

  @Test
  void withNoEpochsTheRateIsFoundAndSetAndNothingIsTrained() throws IOException {
    ModelUnderTest model = new ModelUnderTest();
    ModelState before = ModelState.of(model.network, model.configureOptimizers());
    TrainingResult result = trainer().maxEpochs(0).autoLrFind(true).build().fit(model);
    double found = result.lrFind().orElseThrow().suggestion().orElseThrow().lr();
    assertThat(model.lr).isEqualTo(found).isNotEqualTo(1e-3);
    assertThat(result.steps()).isZero();
    assertThat(logged()).containsEntry("lr", found);
    model.lr = 1e-3;
    before.assertUnchangedIn(ModelState.of(model.network, model.configureOptimizers()));
  }

  /** Iterators of the source's choice. */
  private static final class From extends ModelUnderTest {
    private final Iterable<Batch> source;

    From(Function<List<Batch>, Iterable<Batch>> source) {
      List<Batch> twoHundred = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        twoHundred.addAll(batches.list);
      }
      this.source = source.apply(twoHundred);
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return source;
    }
  }

  private static Iterable<Batch> once(List<Batch> batches) {
    Iterator<Batch> iterator = batches.iterator();
    return () -> iterator;
  }

  @Test
  void aSourceThatCanBeWalkedOnceIsSaidToLackTheBatchesOfTheSweep() {
    String warning =
        "the sweep and the training were given the same iterator of the training batches: unless it starts anew, the 100 batches that the sweep drew are missing from the training; make a new iterator at each call of iterator(), as a List does";
    Trainer trainer = trainer().autoLrFind(true).lrFinder(HUNDRED_STEPS).build();
    TrainingResult result = trainer.fit(new From(AutoLrFindTest::once));
    assertThat(result.steps()).isEqualTo(100);
    assertThat(lines().stream().filter(line -> line.endsWith(warning))).hasSize(1);

    printed.reset();
    trainer.fit(new From(batches -> batches));
    trainer().build().fit(new From(AutoLrFindTest::once));
    assertThat(lines()).noneMatch(line -> line.contains("iterator"));
  }

  @Test
  void aSourceThatIsEmptyTheSecondTimeIsSaidToBe() {
    // New iterators over the same rest: what has one source under it, such as a stream.
    Function<List<Batch>, Iterable<Batch>> rest =
        batches -> {
          Iterator<Batch> iterator = batches.iterator();
          return () ->
              new Iterator<>() {
                @Override
                public boolean hasNext() {
                  return iterator.hasNext();
                }

                @Override
                public Batch next() {
                  return iterator.next();
                }
              };
        };
    Trainer trainer = trainer().maxEpochs(2).build();
    assertThatThrownBy(() -> trainer.fit(new From(rest)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "there is no data: the batches of epoch 1 are empty, though 200 were drawn before: their iterator() must start anew each time it is called");
  }

  // Attributes that are set.

  private static final class WithMap extends ModelUnderTest {
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
  void withoutASuggestionTheRateStaysAndTheConsoleSaysWhy() {
    ModelUnderTest model = new ModelUnderTest();
    LrFinderResult found =
        fit(
            trainer()
                .autoLrFind(true)
                .lrFinder(LrFinder.builder().steps(3).minLr(1e-9).maxLr(1e-8).build()),
            model);
    assertThat(found.suggestion()).isEmpty();
    assertThat(model.lr).isEqualTo(1e-3);
    assertThat(lines())
        .anySatisfy(
            line ->
                assertThat(line)
                    .contains("no suggestion", found.status().words(), "field lr stays 0.001"));
  }

  @Test
  void aRateIsFoundAgainBeforeChosenEpochsAndTheOptimizerKeepsItsState() {
    ModelUnderTest model = new ModelUnderTest();
    List<Double> found = new ArrayList<>();
    List<Double> used = new ArrayList<>();
    trainer()
        .maxEpochs(4)
        .lrFindAtEpochs(1, 3)
        .listener(
            new TrainerListener() {
              @Override
              public void onLearningRateFound(LrFinderResult result) {
                result.suggestion().ifPresent(s -> found.add(s.lr()));
              }

              @Override
              public void onEpochEnd(TrainingEpoch epoch) {
                used.add(epoch.lr());
              }
            })
        .build()
        .fit(model);

    assertThat(model.configured).as("optimizers made").hasSize(1);
    assertThat(found).hasSize(2);
    assertThat(used).containsExactly(1e-3, found.get(0), found.get(0), found.get(1));
    assertThat(model.lr).isEqualTo(found.get(1));
  }

  @Test
  void theLargestGroupGetsTheRateFoundWhateverMultipleTheModelGivesIt() {
    class TwoGroups extends ModelUnderTest {
      @Override
      public Optimizer configureOptimizers() {
        configured.add(lr);
        Optimizer optimizer =
            Models.keep(
                new Adam(
                    Models.vector(network.parameters().get(0), network.parameters().get(1)),
                    new AdamOptions(lr)));
        optimizer.add_param_group(
            new OptimizerParamGroup(
                Models.vector(network.parameters().get(2), network.parameters().get(3)),
                new AdamOptions(10 * lr)));
        return optimizer;
      }
    }
    List<Double> used = new ArrayList<>();
    TrainerListener listener =
        new TrainerListener() {
          @Override
          public void onEpochEnd(TrainingEpoch epoch) {
            used.add(epoch.lr());
          }
        };
    TwoGroups before = new TwoGroups();
    double found =
        fit(trainer().autoLrFind(true).listener(listener), before).suggestion().orElseThrow().lr();
    assertThat(used.get(0)).isCloseTo(found, withinPercentage(1e-6));
    assertThat(before.lr).isCloseTo(found / 10, withinPercentage(1e-6));

    TwoGroups between = new TwoGroups();
    found =
        fit(trainer().maxEpochs(2).lrFindAtEpochs(1).listener(listener), between)
            .suggestion()
            .orElseThrow()
            .lr();
    assertThat(used.get(2)).isCloseTo(found, withinPercentage(1e-6));
    assertThat(between.lr).isCloseTo(found / 10, withinPercentage(1e-6));
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
  void anInterruptedSweepIsNotTakenForTooFewPoints() {
    ModelUnderTest model = new ModelUnderTest();
    Thread.currentThread().interrupt();
    TrainingResult result = trainer().autoLrFind(true).build().fit(model);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(result.interrupted()).isTrue();
    assertThat(lines()).anySatisfy(line -> assertThat(line).contains("(the sweep cancelled; "));
  }

  @Test
  void blankNamesAreRefused() {
    assertThatThrownBy(() -> trainer().autoLrFind(" "))
        .hasMessage("autoLrFind needs a name, not a blank");
  }
}

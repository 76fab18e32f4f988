package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.yaml.snakeyaml.Yaml;

/** Finding the learning rate before a training. */
class AutoLrFindTest extends TrainerFixture {
  private static final LrFinder HUNDRED_STEPS = LrFinder.builder().steps(100).noEarlyStop().build();

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
    LearningRateAttributeTest.WithMap model =
        new LearningRateAttributeTest.WithMap(
            Map.of("optimizer", new LinkedHashMap<>(Map.of("rate", 0.1)), "hidden", 8));
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
  void anInterruptedSweepIsNotTakenForTooFewPoints() {
    ModelUnderTest model = new ModelUnderTest();
    Thread.currentThread().interrupt();
    TrainingResult result = trainer().autoLrFind(true).build().fit(model);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(result.interrupted()).isTrue();
    assertThat(lines()).anySatisfy(line -> assertThat(line).contains("(the sweep cancelled; "));
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.data.Batches;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.export.ResultJson;
import org.lrfinder.suggestion.Pick;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepStep;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** What a finder does with data, groups, listeners and step functions. */
class LrFinderTest {
  private final List<Batch> batches = Models.batches(5, ScalarType.Float);

  @OnEachEngine
  void aResultSaysWhatWasFoundAndBy(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .build()
            .find(network, OptimizerSpec.ADAM.over(network), Loss.CROSS_ENTROPY, batches);

    assertThat(found.endReason()).isEqualTo(EndReason.COMPLETED);
    assertThat(found.results().size()).isEqualTo(100);
    assertThat(found.results().rates()[0]).isEqualTo(1e-8);
    assertThat(found.results().rates()[99]).isEqualTo(1);
    assertThat(found.suggestions())
        .extracting(Suggestion::rule)
        .contains("middle-of-fall", "steepest");
    assertThat(found.engine().engine()).isEqualToIgnoringCase(engine.name());
    assertThat(found.engine().device()).isEqualTo("cpu");
    assertThat(found.engine().threads()).isPositive();
    assertThat(found.engine().libtorch()).isEqualTo("2.10.0");
  }

  @OnEachEngine
  void groupsKeepTheirRatioToTheLargest(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = twoGroups(network, 1e-4, 1e-3);

    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches);

    assertThat(found.groups().get(0).ratio()).isCloseTo(0.1, within(1e-15));
    assertThat(found.groups().get(1)).isEqualTo(GroupRate.swept(1));
    assertThat(found.ratesOfGroup(1)).isEqualTo(found.results().rates());
    assertThat(found.ratesOfGroup(0)[50])
        .isCloseTo(0.1 * found.results().rates()[50], within(1e-20));
    Suggestion suggestion = found.suggestion("steepest").orElseThrow();
    suggestion.applyTo(optimizer);
    assertThat(optimizer.param_groups().get(0).options().get_lr())
        .isEqualTo(suggestion.perGroup().get(0));
    assertThat(optimizer.param_groups().get(1).options().get_lr()).isEqualTo(suggestion.lr());
    Optimizer oneGroup = OptimizerSpec.ADAM.over(network);
    assertThatThrownBy(() -> suggestion.applyTo(oneGroup))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the suggestion is for 2 parameter groups, the optimizer has 1");
  }

  @OnEachEngine
  void ratiosCanBeGivenAndAZeroRatioTrainsNothing(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = twoGroups(network, 1e-4, 1e-3);
    List<Double> firstLayer = new ArrayList<>();

    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .groupRatios(0, 2)
            .listener(step -> firstLayer.add(network.parameters().get(0).sum().item_double()))
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches);

    assertThat(firstLayer).hasSizeGreaterThan(50).containsOnly(firstLayer.get(0));
    assertThat(found.ratesOfGroup(1)[99]).isEqualTo(2);
  }

  private static Optimizer twoGroups(SequentialImpl network, double first, double second) {
    Optimizer optimizer =
        new Adam(
            Models.vector(network.parameters().get(0), network.parameters().get(1)),
            new AdamOptions(first));
    optimizer.add_param_group(
        new OptimizerParamGroup(
            Models.vector(network.parameters().get(2), network.parameters().get(3)),
            new AdamOptions(second)));
    return Models.keep(optimizer);
  }

  @OnEachEngine
  void accumulationIsTheMeanOverItsMicroBatches(EngineChoice engine) {
    SequentialImpl network = Models.inDouble(Models.mlp());
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    List<Batch> micro = Models.batches(4, ScalarType.Double);
    Batch whole =
        new Batch(
            torch.cat(Models.vector(micro.stream().map(Batch::input).toArray(Tensor[]::new))),
            torch.cat(Models.vector(micro.stream().map(Batch::target).toArray(Tensor[]::new))));
    LrFinder.Builder finder = LrFinder.builder().engine(engine).minLr(1e-4).maxLr(0.1).steps(20);

    double[] accumulated =
        finder
            .accumulateGradBatches(4)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, micro)
            .results()
            .losses();
    double[] atOnce =
        finder
            .accumulateGradBatches(1)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, List.of(whole))
            .results()
            .losses();

    assertThat(accumulated).hasSize(20).containsExactly(atOnce, within(1e-10));
  }

  @OnEachEngine
  void aPartialLastAccumulationIsAStep(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .accumulateGradBatches(2)
            .cycleData(false)
            .build()
            .find(network, OptimizerSpec.ADAM.over(network), Loss.CROSS_ENTROPY, batches);
    assertThat(found.endReason()).isEqualTo(EndReason.DATA_EXHAUSTED);
    assertThat(found.results().size()).isEqualTo(3);
    assertThat(found.status()).isEqualTo(Status.TOO_FEW_POINTS);
    assertThat(found.suggestion()).isEmpty();
  }

  @OnEachEngine
  void theListenerHearsEveryStepOfTheCurve(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    List<SweepStep> heard = new ArrayList<>();
    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .steps(30)
            .listener(heard::add)
            .build()
            .find(network, OptimizerSpec.SGD.over(network), Loss.CROSS_ENTROPY, batches);

    assertThat(heard).extracting(SweepStep::index).hasSize(30).first().isEqualTo(0);
    assertThat(heard.stream().mapToDouble(SweepStep::lr).toArray())
        .isEqualTo(found.results().rates());
    assertThat(heard.stream().mapToDouble(SweepStep::loss).toArray())
        .isEqualTo(found.results().losses());
    assertThat(heard.stream().mapToDouble(SweepStep::smoothedLoss).toArray())
        .isEqualTo(found.results().smoothedLosses());
    assertThat(heard.get(2).bestLoss()).isEqualTo(heard.get(2).smoothedLoss());
    assertThat(heard.get(29).bestLoss()) // since the fifth
        .isEqualTo(heard.stream().skip(4).mapToDouble(SweepStep::smoothedLoss).min().orElseThrow());
  }

  @OnEachEngine
  void whatALossFunctionCachesSurvives(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    List<Tensor> cached = new ArrayList<>();
    LrFinder.builder()
        .engine(engine)
        .steps(5)
        .build()
        .find(
            SweepTask.of(
                network,
                OptimizerSpec.SGD.over(network),
                batch -> {
                  Tensor loss =
                      torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
                  cached.add(loss);
                  return loss;
                },
                batches));
    assertThat(cached).hasSize(5).allSatisfy(loss -> assertThat(loss.item_double()).isPositive());
  }

  @Test
  void dataIsCycledEpochByEpochAndItsIteratorsAreClosed() {
    List<Long> epochs = new ArrayList<>();
    List<String> closed = new ArrayList<>();
    Batches source =
        epoch -> {
          epochs.add(epoch);
          Iterator<Batch> inner = batches.iterator();
          class Closing implements Iterator<Batch>, AutoCloseable {
            @Override
            public boolean hasNext() {
              return inner.hasNext();
            }

            @Override
            public Batch next() {
              return inner.next();
            }

            @Override
            public void close() {
              closed.add("epoch " + epoch);
            }
          }
          return new Closing();
        };
    SequentialImpl network = Models.mlp();
    LrFinder.builder()
        .steps(12)
        .build()
        .find(network, OptimizerSpec.SGD.over(network), Loss.CROSS_ENTROPY, source);
    assertThat(epochs).containsExactly(0L, 1L, 2L);
    assertThat(closed).containsExactly("epoch 0", "epoch 1", "epoch 2");
  }

  @Test
  void aSourceThatCanBeWalkedOnceEndsTheSweep() {
    Iterator<Batch> once = batches.iterator();
    SequentialImpl network = Models.mlp();
    LrFinderResult found =
        LrFinder.builder()
            .build()
            .find(network, OptimizerSpec.SGD.over(network), Loss.CROSS_ENTROPY, () -> once);
    assertThat(found.endReason()).isEqualTo(EndReason.DATA_EXHAUSTED);
    assertThat(found.results().size()).isEqualTo(5);
  }

  /** A weight drawn to zero, from which rates above 1 drive it away. */
  private static StepFunction quadratic() {
    double[] weight = {5};
    return StepFunction.of(
        lr -> {
          double loss = weight[0] * weight[0];
          weight[0] -= lr * 2 * weight[0];
          return loss;
        },
        () -> {},
        () -> weight[0] = 5);
  }

  @Test
  void aRuleWithoutAnAnswerHasNoSuggestionAndAWarning() {
    SuggestionRule mute = SuggestionRule.of("mute", (curve, settings) -> Optional.empty());
    LrFinderResult found = LrFinder.builder().minLr(1e-4).rule(mute).build().find(quadratic());
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.suggestion()).isEmpty();
    assertThat(found.suggestion("default")).isPresent();
    assertThat(found.warnings()).contains("rule mute gave no rate: it needs more points");
  }

  @Test
  void aRuleOfTheUsersOwnIsUsed() {
    SuggestionRule third =
        SuggestionRule.of("third", (curve, settings) -> Optional.of(Pick.of(curve.rate(2))));
    LrFinderResult found = LrFinder.builder().minLr(1e-4).rule(third).build().find(quadratic());
    Optional<Suggestion> suggestion = found.suggestion();
    assertThat(suggestion).hasValueSatisfying(s -> assertThat(s.rule()).isEqualTo("third"));
    assertThat(suggestion.orElseThrow().lr()).isEqualTo(found.results().rates()[2]);
    assertThat(found.suggestions())
        .extracting(Suggestion::rule)
        .containsExactly(
            "third",
            "middle-of-fall",
            "steepest",
            "steepest-log",
            "valley",
            "slide",
            "minimum",
            "steep");
  }

  @Test
  void defaultIsAnotherNameOfTheMiddleOfTheFallWhereARuleIsLookedUpAndNowhereElse() {
    LrFinderResult found = LrFinder.builder().minLr(1e-4).rule("default").build().find(quadratic());
    assertThat(found.rule()).isEqualTo("middle-of-fall");
    assertThat(found.suggestion("default"))
        .isPresent()
        .isEqualTo(found.suggestion("middle-of-fall"))
        .isEqualTo(found.suggestion());
    assertThat(ResultJson.toJson(found)).doesNotContain("\"default\"");
    SuggestionRule own =
        SuggestionRule.of("default", (curve, settings) -> Optional.of(Pick.of(curve.rate(2))));
    LrFinderResult owns = LrFinder.builder().minLr(1e-4).rule(own).build().find(quadratic());
    assertThat(owns.suggestion("default")).isEqualTo(owns.suggestion());
    assertThat(owns.suggestions()).hasSize(8);
  }

  @Test
  void aResultIsEqualToAnotherOfTheSameValues() {
    LrFinderResult found = LrFinder.builder().minLr(1e-4).build().find(quadratic());
    LrFinderResult again = LrFinder.builder().minLr(1e-4).build().find(quadratic());
    assertThat(again).isEqualTo(found).hasSameHashCodeAs(found).hasToString(found.toString());
    assertThat(found.with(List.of(Attempt.of(found)), null, List.of())).isNotEqualTo(found);
    assertThat(found.with(List.of(), new Repeats(List.of()), List.of())).isNotEqualTo(found);
    assertThat(found.with(List.of(), null, List.of("odd"))).isNotEqualTo(found);
    assertThat(LrFinder.builder().minLr(1e-4).rule("valley").build().find(quadratic()))
        .isNotEqualTo(found);
    assertThat(found.toString()).contains("OK", "middle-of-fall", "COMPLETED", "100 points");
  }

  @Test
  void enginesAgreeOnShuffledTensorBatches() {
    Tensor inputs = torch.randn(50, Models.FEATURES).to(ScalarType.Double);
    Tensor targets = torch.randint(0, Models.CLASSES, new long[] {50}).to(ScalarType.Long);
    TensorBatches data = TensorBatches.of(inputs, targets, 8).shuffled(5);
    SequentialImpl network = Models.inDouble(Models.mlp());
    Optimizer optimizer = OptimizerSpec.ADAMW.over(network);
    List<double[]> curves =
        EnginesUnderTest.stream()
            .map(
                engine ->
                    LrFinder.builder()
                        .engine(engine)
                        .build()
                        .find(network, optimizer, Loss.CROSS_ENTROPY, data))
            .map(found -> found.results().losses())
            .toList();
    assertThat(curves)
        .allSatisfy(losses -> assertThat(losses).containsExactly(curves.get(0), within(1e-10)));
  }
}

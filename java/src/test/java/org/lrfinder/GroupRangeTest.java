package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.export.ResultJson;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.GroupRange;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Parameter groups with a start and an end of their own, as ignite's finder has them. */
class GroupRangeTest {
  private static final int STEPS = 30;

  private final List<Batch> batches = Models.batches(4, ScalarType.Double);
  private final SequentialImpl network = Models.inDouble(Models.mlp());
  private final Optimizer optimizer = threeGroups();

  /** First weight, first bias, the rest; their own rates are 0.4, 0.1 and 0.2. */
  private Optimizer threeGroups() {
    TensorVector all = network.parameters();
    Optimizer sgd = Models.keep(new SGD(Models.vector(all.get(0)), new SGDOptions(0.4)));
    sgd.add_param_group(new OptimizerParamGroup(Models.vector(all.get(1)), new SGDOptions(0.1)));
    sgd.add_param_group(
        new OptimizerParamGroup(Models.vector(all.get(2), all.get(3)), new SGDOptions(0.2)));
    return sgd;
  }

  private static LrFinder.Builder finder(EngineChoice engine, ScheduleMode mode) {
    return LrFinder.builder()
        .engine(engine)
        .mode(mode)
        .minLr(1e-3)
        .maxLr(1)
        .steps(STEPS)
        .noEarlyStop();
  }

  @OnEachEngine
  void aGroupMovesFromItsOwnStartToItsOwnEndAsTheSweptRateDoes(EngineChoice engine) {
    for (ScheduleMode mode : ScheduleMode.values()) {
      LrFinder finder =
          finder(engine, mode).groupRange(0, 1e-6, 0.3).groupRange(1, 0.05, 2).build();
      ModelState before = ModelState.of(network, optimizer);

      LrFinderResult found = finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);

      before.assertUnchangedIn(ModelState.of(network, optimizer));
      double[] swept = found.results().rates();
      assertThat(swept[0]).isEqualTo(1e-3);
      assertThat(swept[STEPS - 1]).isEqualTo(1);
      double[][] rates = {
        rates(mode, 1e-6, 0.3), rates(mode, 0.05, 2), swept // the largest of the others
      };
      for (int group = 0; group < 3; group++) {
        double[] own = found.ratesOfGroup(group);
        for (int i = 0; i < STEPS; i++) {
          assertThat(own[i]).isCloseTo(rates[group][i], within(1e-13 * rates[group][i]));
        }
      }
      assertThat(found.results().losses())
          .containsExactly(trained(rates), Offset.offset(1e-9)); // as ignite's user would see it
      assertThat(ResultJson.fromJson(ResultJson.toJson(found))).isEqualTo(found);
    }
  }

  private static double[] rates(ScheduleMode mode, double first, double last) {
    double[] rates = new double[STEPS];
    for (int i = 0; i < STEPS; i++) {
      double share = i / (STEPS - 1.0);
      rates[i] =
          mode == ScheduleMode.LINEAR
              ? (1 - share) * first + share * last
              : Math.exp((1 - share) * Math.log(first) + share * Math.log(last));
    }
    return rates;
  }

  /** The losses of a training with these rates by group and step; the network is put back. */
  private double[] trained(double[][] rates) {
    List<Tensor> before = new ArrayList<>();
    for (long i = 0; i < network.parameters().size(); i++) {
      before.add(network.parameters().get(i).detach().clone());
    }
    Optimizer own = threeGroups();
    double[] losses = new double[STEPS];
    for (int step = 0; step < STEPS; step++) {
      for (int group = 0; group < rates.length; group++) {
        own.param_groups().get(group).options().set_lr(rates[group][step]);
      }
      Batch batch = batches.get(step % batches.size());
      own.zero_grad();
      Tensor loss = torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
      losses[step] = loss.item_double();
      loss.backward();
      own.step();
    }
    own.zero_grad();
    for (int i = 0; i < before.size(); i++) {
      network.parameters().get(i).detach().copy_(before.get(i));
    }
    return losses;
  }

  @OnEachEngine
  void aSuggestionHasEachGroupsRateAtTheSameStep(EngineChoice engine) {
    LrFinderResult found =
        finder(engine, ScheduleMode.EXPONENTIAL)
            .sweptGroups(0, 1)
            .groupRange(0, 1e-6, 0.3)
            .groupRange(1, 0.05, 2)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches);

    Suggestion suggestion = found.suggestion("steepest").orElseThrow();
    int step = suggestion.index();
    assertThat(suggestion.lr()).isEqualTo(found.results().rate(step));
    assertThat(suggestion.perGroup())
        .containsExactly(found.ratesOfGroup(0)[step], found.ratesOfGroup(1)[step], 0.2);
    suggestion.applyTo(optimizer);
    assertThat(optimizer.param_groups().get(0).options().get_lr())
        .isEqualTo(found.ratesOfGroup(0)[step]);
  }

  @Test
  void aRangeThatCannotBeIsRefusedAtBuild() {
    refused(
        LrFinder.builder().groupRange(1, 1e-3, 1).groupRatios(1, 0.1),
        "groupRatios is [1.0, 0.1], but must be none where groupRange gives a group its own range:"
            + " it names all groups");
    refused(
        LrFinder.builder().groupRange(1, 1e-3, 1).autoRange(true),
        "groupRange is [GroupRange[group=1, minLr=0.001, maxLr=1.0]], but must be none with"
            + " autoRange, which moves the range");
    refused(
        LrFinder.builder().groupRange(-1, 1e-3, 1),
        "groupRange's group is -1, but must be at least 0");
    refused(
        LrFinder.builder().groupRange(1, 0, 1),
        "minLr of groupRange 1 is 0.0, but must be greater than 0 when mode is EXPONENTIAL");
    refused(
        LrFinder.builder().groupRange(1, -1, 1).mode(ScheduleMode.LINEAR),
        "minLr of groupRange 1 is -1.0, but must be at least 0");
    refused(
        LrFinder.builder().groupRange(1, 1, 0.1),
        "maxLr of groupRange 1 is 0.1, but must be greater than minLr of groupRange 1, which is"
            + " 1.0");
    refused(
        LrFinder.builder().groupRange(1, 1e-3, 1).sweptGroups(0, 2),
        "groupRange's group is 1, but must be one of sweptGroups, which are [0, 2]");
    SweepSettings ofTwo = LrFinder.builder().groupRange(1, 1e-3, 1).build().settings();
    assertThat(ofTwo.groupRanges()).containsExactly(new GroupRange(1, 1e-3, 1));
    SweepSettings replaced =
        LrFinder.builder().groupRange(1, 1e-3, 1).groupRange(1, 1e-4, 1).build().settings();
    assertThat(replaced.groupRanges()).containsExactly(new GroupRange(1, 1e-4, 1));
  }

  private static void refused(LrFinder.Builder builder, String message) {
    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @OnEachEngine
  void aGroupThatThereIsNotOrThatKeepsItsRateIsRefused(EngineChoice engine) {
    LrFinder fourth = finder(engine, ScheduleMode.LINEAR).groupRange(3, 1e-3, 1).build();
    assertThatThrownBy(() -> fourth.find(network, optimizer, Loss.CROSS_ENTROPY, batches))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("groupRange is for group 3, but the optimizer has 3 parameter groups");
    LrFinder kept = finder(engine, ScheduleMode.LINEAR).groupRange(1, 1e-3, 1).build();
    List<OptimizedLoss<Batch>> losses =
        List.of(
            OptimizedLoss.<Batch>sweeping(
                    network,
                    OptimizerSpec.SGD.over(Models.vector(network.parameters().get(0))),
                    batch -> torch.ones(1))
                .andKeeping(OptimizerSpec.SGD.over(Models.vector(network.parameters().get(1)))));
    assertThatThrownBy(() -> kept.find(SweepTask.of(losses, batches)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "groupRange is for group 1, but that is a group of an optimizer that keeps its rates");
  }

  @Test
  void aRateThatWouldOverflowIsRefused() {
    LrFinder.Builder finder =
        LrFinder.builder().mode(ScheduleMode.LINEAR).minLr(0).maxLr(1e-300).groupRange(0, 0, 1e308);
    assertThatThrownBy(
            () ->
                finder
                    .build()
                    .find(network, OptimizerSpec.SGD.over(network), Loss.CROSS_ENTROPY, batches))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("group 0 cannot move from 0.0 to 1.0E308")
        .hasMessageContaining("would overflow");
  }
}

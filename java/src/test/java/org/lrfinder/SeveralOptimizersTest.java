package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;
import org.bytedeco.pytorch.LBFGS;
import org.bytedeco.pytorch.LBFGSOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Several optimizers and parameter groups, all of which or some of which are swept. */
class SeveralOptimizersTest {
  private static final int STEPS = 25;

  private final List<Batch> batches = Models.batches(4, ScalarType.Double);
  private final SequentialImpl network = Models.inDouble(Models.mlp());
  private final TensorVector first = half(0);
  private final TensorVector second = half(2);
  private final LossFunction<Batch> loss =
      batch -> torch.cross_entropy_loss(network.forward(batch.input()), batch.target());

  private TensorVector half(int from) {
    return Models.vector(network.parameters().get(from), network.parameters().get(from + 1));
  }

  private static LrFinder.Builder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).minLr(1e-3).maxLr(0.5).steps(STEPS).noEarlyStop();
  }

  private static SGDOptions sgd(double rate) {
    SGDOptions options = new SGDOptions(rate);
    options.momentum().put(0.9);
    return options;
  }

  private Optimizer twoGroups(double firstRate, double secondRate) {
    SGD optimizer = Models.keep(new SGD(first, sgd(firstRate)));
    optimizer.add_param_group(new OptimizerParamGroup(second, sgd(secondRate)));
    return optimizer;
  }

  @OnEachEngine
  void twoOptimizersOfOneLossAreAsOneWithTwoGroups(EngineChoice engine) {
    Optimizer one = twoGroups(0.01, 0.002);
    Optimizer a = Models.keep(new SGD(first, sgd(0.01)));
    Optimizer b = Models.keep(new SGD(second, sgd(0.002)));

    LrFinderResult grouped = finder(engine).build().find(SweepTask.of(network, one, loss, batches));
    LrFinderResult several =
        finder(engine)
            .build()
            .find(
                SweepTask.of(
                    List.of(OptimizedLoss.sweeping(network, a, loss).andSweeping(b)), batches));

    assertThat(several.results()).isEqualTo(grouped.results());
    assertThat(several.groups()).isEqualTo(grouped.groups());
    assertThat(several.groups()).extracting(GroupRate::ratio).containsExactly(1.0, 0.2);
    assertThat(several.ratesOfGroup(1)[STEPS - 1]).isCloseTo(0.1, within(1e-15));
  }

  @OnEachEngine
  void anOptimizerThatKeepsItsRateTrainsAtIt(EngineChoice engine) {
    Optimizer a = Models.keep(new SGD(first, sgd(0.01)));
    Optimizer b = Models.keep(new SGD(second, sgd(0.3))); // the larger, but not swept
    Models.train(network, a, batches, 3);
    List<ModelState> before = List.of(ModelState.of(network, a), ModelState.of(network, b));

    LrFinderResult found =
        finder(engine)
            .build()
            .find(
                SweepTask.of(
                    List.of(OptimizedLoss.sweeping(network, a, loss).andKeeping(b)), batches));

    before.get(0).assertUnchangedIn(ModelState.of(network, a));
    before.get(1).assertUnchangedIn(ModelState.of(network, b));
    assertThat(found.groups()).containsExactly(GroupRate.swept(1), GroupRate.kept(0.3));
    assertThat(found.ratesOfGroup(0)).isEqualTo(found.results().rates());
    assertThat(found.ratesOfGroup(1)).hasSize(STEPS).containsOnly(0.3);
    double[] expected = ownLosses(found.results().rates(), a, b, 0.3);
    assertThat(found.results().losses()).containsExactly(expected, within(1e-10));
  }

  @OnEachEngine
  void oneGroupIsSweptAndTheOthersKeepTheirRates(EngineChoice engine) {
    Optimizer optimizer = twoGroups(0.3, 0.002);
    LrFinderResult found =
        finder(engine).sweptGroups(1).build().find(SweepTask.of(network, optimizer, loss, batches));

    assertThat(found.groups()).containsExactly(GroupRate.kept(0.3), GroupRate.swept(1));
    assertThat(found.ratesOfGroup(0)).containsOnly(0.3);
    assertThat(found.ratesOfGroup(1)).isEqualTo(found.results().rates());
    found
        .suggestion()
        .ifPresent(
            suggestion -> assertThat(suggestion.perGroup()).containsExactly(0.3, suggestion.lr()));
    // As with an optimizer for each group.
    Optimizer a = Models.keep(new SGD(first, sgd(0.3)));
    Optimizer b = Models.keep(new SGD(second, sgd(0.002)));
    LrFinderResult several =
        finder(engine)
            .build()
            .find(
                SweepTask.of(
                    List.of(OptimizedLoss.keeping(network, a, loss).andSweeping(b)), batches));
    assertThat(found.results()).isEqualTo(several.results());
  }

  @OnEachEngine
  void aSuggestionIsAppliedToAllOptimizers(EngineChoice engine) {
    Optimizer a = Models.keep(new SGD(first, sgd(0.01)));
    Optimizer b = Models.keep(new SGD(second, sgd(0.002)));
    Suggestion suggestion =
        finder(engine)
            .minLr(1e-6)
            .steps(100)
            .build()
            .find(
                SweepTask.of(
                    List.of(OptimizedLoss.sweeping(network, a, loss).andSweeping(b)), batches))
            .suggestion("steepest")
            .orElseThrow();

    suggestion.applyTo(a, b);

    assertThat(a.param_groups().get(0).options().get_lr()).isEqualTo(suggestion.lr());
    assertThat(b.param_groups().get(0).options().get_lr())
        .isEqualTo(suggestion.perGroup().get(1))
        .isCloseTo(0.2 * suggestion.lr(), within(1e-15));
    assertThatThrownBy(() -> suggestion.applyTo(a))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the suggestion is for 2 parameter groups, the optimizer has 1");
  }

  /** Only losses of which an optimizer is swept are in the curve. */
  @OnEachEngine
  void theCurveIsTheSumOfTheSweptLosses(EngineChoice engine) {
    Optimizer a = Models.keep(new SGD(first, sgd(0.01)));
    Optimizer b = Models.keep(new SGD(second, sgd(0.01)));
    List<Double> seen = new ArrayList<>();
    LossFunction<Batch> tenTimes = batch -> seen(loss.loss(batch).mul(new Scalar(10.0)), seen);
    LossFunction<Batch> once = batch -> seen(loss.loss(batch), seen);

    double[] both =
        finder(engine)
            .build()
            .find(
                SweepTask.of(
                    List.of(
                        OptimizedLoss.sweeping(network, a, tenTimes),
                        OptimizedLoss.sweeping(network, b, once)),
                    batches))
            .results()
            .losses();
    double[] expected = new double[STEPS];
    for (int i = 0; i < STEPS; i++) {
      expected[i] = seen.get(2 * i) + seen.get(2 * i + 1);
    }
    assertThat(both).isEqualTo(expected);

    seen.clear();
    double[] second =
        finder(engine)
            .build()
            .find(
                SweepTask.of(
                    List.of(
                        OptimizedLoss.keeping(network, a, tenTimes),
                        OptimizedLoss.sweeping(network, b, once)),
                    batches))
            .results()
            .losses();
    for (int i = 0; i < STEPS; i++) {
      expected[i] = seen.get(2 * i + 1);
    }
    assertThat(second).isEqualTo(expected);
  }

  private static Tensor seen(Tensor loss, List<Double> values) {
    values.add(loss.item_double());
    return loss;
  }

  /** With micro-batches, each loss has the mean gradient of its own. */
  @OnEachEngine
  void severalLossesAccumulateEachTheirOwn(EngineChoice engine) {
    Optimizer a = Models.keep(new SGD(first, sgd(0.01)));
    Optimizer b = Models.keep(new SGD(second, sgd(0.01)));
    LossFunction<Batch> l1 =
        batch -> network.forward(batch.input()).abs().mean().mul(new Scalar(0.1));
    LrFinder finder = finder(engine).accumulateGradBatches(2).steps(10).build();

    double[] swept =
        finder
            .find(
                SweepTask.of(
                    List.of(
                        OptimizedLoss.sweeping(network, a, loss),
                        OptimizedLoss.sweeping(network, b, l1)),
                    batches))
            .results()
            .losses();

    double[] expected = new double[10];
    for (int i = 0; i < 10; i++) {
      double lr = finder.settings().rate(i);
      a.param_groups().get(0).options().set_lr(lr);
      b.param_groups().get(0).options().set_lr(lr);
      Batch one = batches.get(2 * i % 4);
      Batch two = batches.get((2 * i + 1) % 4);
      // The gradients of the first micro-batch, of both losses, come before either update.
      List<Tensor> ofA = gradients(loss.loss(one), first);
      List<Tensor> ofB = gradients(l1.loss(one), second);
      expected[i] = (loss.loss(one).item_double() + loss.loss(two).item_double()) / 2;
      double firstOfL1 = l1.loss(one).item_double();
      step(a, first, ofA, gradients(loss.loss(two), first));
      expected[i] += (firstOfL1 + l1.loss(two).item_double()) / 2;
      step(b, second, ofB, gradients(l1.loss(two), second));
    }
    assertThat(swept).containsExactly(expected, within(1e-10));
  }

  private List<Tensor> gradients(Tensor value, TensorVector parameters) {
    network.zero_grad(true);
    value.backward();
    List<Tensor> gradients = new ArrayList<>();
    for (long i = 0; i < parameters.size(); i++) {
      gradients.add(parameters.get(i).grad().clone());
    }
    return gradients;
  }

  private void step(
      Optimizer optimizer, TensorVector parameters, List<Tensor> one, List<Tensor> two) {
    network.zero_grad(true);
    for (int i = 0; i < one.size(); i++) {
      parameters.get(i).mutable_grad().put(one.get(i).add(two.get(i)).div(new Scalar(2.0)));
    }
    optimizer.step();
  }

  @OnEachEngine
  void aFaultInTheSecondLossRestoresAll(EngineChoice engine) {
    SequentialImpl other = Models.batchNormAndDropout();
    Optimizer ofOther = OptimizerSpec.ADAM.over(other);
    List<Batch> floats = Models.batches(3, ScalarType.Float);
    Models.train(other, ofOther, floats, 2);
    Optimizer both = twoGroups(0.01, 0.1);
    Models.train(network, both, batches, 2);
    List<ModelState> before = List.of(ModelState.of(network, both), ModelState.of(other, ofOther));
    IllegalStateException fault = new IllegalStateException("at step 5");
    int[] calls = {0};

    assertThatThrownBy(
            () ->
                finder(engine)
                    .build()
                    .find(
                        SweepTask.of(
                            List.of(
                                OptimizedLoss.sweeping(network, both, loss),
                                OptimizedLoss.sweeping(
                                    other,
                                    ofOther,
                                    batch -> {
                                      if (calls[0]++ == 5) {
                                        throw fault;
                                      }
                                      Batch in = floats.get(calls[0] % 3);
                                      return torch.cross_entropy_loss(
                                          other.forward(in.input()), in.target());
                                    })),
                            batches)))
        .isSameAs(fault);

    before.get(0).assertUnchangedIn(ModelState.of(network, both));
    before.get(1).assertUnchangedIn(ModelState.of(other, ofOther));
  }

  @OnEachEngine
  void whatCannotBeSweptIsRefused(EngineChoice engine) {
    Optimizer a = Models.keep(new SGD(first, sgd(0.01)));
    Optimizer both = twoGroups(0.01, 0.01);
    OptimizedLoss<Batch> sweeping = OptimizedLoss.sweeping(network, a, loss);
    OptimizedLoss<Batch> keeping = OptimizedLoss.keeping(network, a, loss);
    refused(engine, "there is no loss to sweep", List.of());
    refused(engine, "no optimizer is swept: all keep their rates", List.of(keeping));
    refused(
        engine,
        "two optimizers of one part have a parameter in common: each parameter must be in one of them",
        List.of(sweeping.andSweeping(both)));
    LBFGS lbfgs = new LBFGS(second, new LBFGSOptions(0.1));
    assertThatThrownBy(
            () ->
                finder(engine)
                    .build()
                    .find(SweepTask.of(List.of(sweeping.andKeeping(lbfgs)), batches)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("LBFGS cannot be swept");
    assertThatThrownBy(
            () ->
                finder(engine)
                    .sweptGroups(2)
                    .build()
                    .find(SweepTask.of(network, both, loss, batches)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("sweptGroups is 2, but the optimizer has 2 parameter groups");
    assertThatThrownBy(
            () ->
                finder(engine).sweptGroups(0).build().find(SweepTask.of(List.of(keeping), batches)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("sweptGroups is 0, but that is a group of an optimizer that keeps its rates");
    assertThatThrownBy(() -> LrFinder.builder().sweptGroups(-1).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("sweptGroups is -1, but must be at least 0");
  }

  private void refused(EngineChoice engine, String message, List<OptimizedLoss<Batch>> losses) {
    assertThatThrownBy(() -> finder(engine).build().find(SweepTask.of(losses, batches)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  /** The sweep's losses, by the optimizers' own steps: a at the swept rates, b at its own. */
  private double[] ownLosses(double[] rates, Optimizer a, Optimizer b, double ownRate) {
    int[] step = {0};
    return DoubleStream.of(rates)
        .map(
            lr -> {
              a.param_groups().get(0).options().set_lr(lr);
              b.param_groups().get(0).options().set_lr(ownRate);
              network.zero_grad(true);
              Tensor value = loss.loss(batches.get(step[0]++ % batches.size()));
              value.backward();
              a.step();
              b.step();
              return value.item_double();
            })
        .toArray();
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.LBFGS;
import org.bytedeco.pytorch.LBFGSOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;

/**
 * What cannot be swept is refused with a message that says what and why, and nothing is changed.
 */
class RefusalTest {
  private static final List<Batch> BATCHES = Models.batches(2, ScalarType.Float);

  static Stream<Arguments> settings() {
    return Stream.of(
        setting(
            b -> b.minLr(0), "minLr is 0.0, but must be greater than 0 when mode is EXPONENTIAL"),
        setting(
            b -> b.minLr(Double.NaN),
            "minLr is NaN, but must be greater than 0 when mode is EXPONENTIAL"),
        setting(
            b -> b.mode(ScheduleMode.LINEAR).minLr(-1), "minLr is -1.0, but must be at least 0"),
        setting(b -> b.minLr(2), "maxLr is 1.0, but must be greater than minLr, which is 2.0"),
        setting(b -> b.minLr(1), "maxLr is 1.0, but must be greater than minLr, which is 1.0"),
        setting(b -> b.maxLr(Double.POSITIVE_INFINITY), "maxLr is Infinity, but must be finite"),
        setting(
            b -> b.minLr(Double.MIN_VALUE), // D22
            "minLr is 4.9E-324, but must be at least 2.2250738585072014E-308"),
        setting(
            b -> b.minLr(1e-300).maxLr(Double.MAX_VALUE),
            "maxLr is 1.7976931348623157E308, but must be less than 1.8e308 times minLr, which is 1.0E-300"),
        setting(
            b -> b.groupRange(0, 1e-300, 1e10),
            "maxLr of groupRange 0 is 1.0E10, but must be less than 1.8e308 times minLr of groupRange 0, which is 1.0E-300"),
        setting(b -> b.steps(2), "steps is 2, but must be at least 3"),
        setting(
            b -> b.earlyStopThreshold(1),
            "earlyStopThreshold is 1.0, but must be greater than 1, or none"),
        setting(
            b -> b.smoothingBeta(1),
            "smoothingBeta is 1.0, but must be at least 0 and less than 1"),
        setting(
            b -> b.accumulateGradBatches(0), "accumulateGradBatches is 0, but must be at least 1"),
        setting(
            b -> b.maxDuration(Duration.ofNanos(-1)),
            "maxDuration is PT-0.000000001S, but must be greater than 0"),
        setting(
            b -> b.maxDuration(Duration.ZERO), "maxDuration is PT0S, but must be greater than 0"),
        setting(b -> b.gradientClipNorm(0), "gradientClipNorm is 0.0, but must be greater than 0"),
        setting(
            b -> b.groupRatios(0, 0),
            "groupRatios is [0.0, 0.0], but must be greater than 0 for at least one group"),
        setting(b -> b.groupRatios(-1), "groupRatios is -1.0, but must be finite and at least 0"));
  }

  private static Arguments setting(Consumer<LrFinder.Builder> change, String message) {
    return Arguments.of(change, message);
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("settings")
  void settingsOutOfRange(Consumer<LrFinder.Builder> change, String message) {
    LrFinder.Builder builder = LrFinder.builder();
    change.accept(builder);
    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void aLinearSweepMayStartAtZero() {
    assertThat(LrFinder.builder().mode(ScheduleMode.LINEAR).minLr(0).build().settings().rate(0))
        .isZero();
  }

  @OnEachEngine
  void noData(EngineChoice engine) {
    refused(
        engine,
        "there is no data: the batches are empty",
        finder -> finder.find(mlp, adam(), Loss.CROSS_ENTROPY, List.of()));
  }

  @OnEachEngine
  void noParameterThatTakesAGradient(EngineChoice engine) {
    SequentialImpl frozen = Models.mlp();
    for (long i = 0; i < frozen.parameters().size(); i++) {
      frozen.parameters().get(i).requires_grad_(false);
    }
    Optimizer optimizer = OptimizerSpec.ADAM.over(frozen);
    refused(
        engine,
        "no parameter of the optimizer takes a gradient: at least one must have requires_grad",
        finder -> finder.find(frozen, optimizer, Loss.CROSS_ENTROPY, BATCHES));
  }

  @OnEachEngine
  void anOptimizerOverOtherParameters(EngineChoice engine) {
    Optimizer other = OptimizerSpec.ADAM.over(Models.mlp());
    refused(
        engine,
        "the optimizer is over other parameters than the network's: 4 of its 4 parameters are not in the network;"
            + " make the optimizer from the network's parameters()",
        finder -> finder.find(mlp, other, Loss.CROSS_ENTROPY, BATCHES));
  }

  @OnEachEngine
  void anOptimizerThatCannotBeCopied(EngineChoice engine) {
    String refusal =
        "optimizer %s cannot be swept: allowed are SGD, Adam, AdamW, Adagrad and RMSprop;"
            + " sweep another by a step of your own, find(StepFunction.of(lr -> loss, save, restore))";
    LBFGS lbfgs = Models.keep(new LBFGS(mlp.parameters(), new LBFGSOptions(0.1)));
    refused(
        engine,
        refusal.formatted("LBFGS"),
        finder -> finder.find(mlp, lbfgs, Loss.CROSS_ENTROPY, BATCHES));
    Adam own = Models.keep(new Adam(mlp.parameters(), new AdamOptions(0.1)) {});
    refused(
        engine,
        refusal.formatted(own.getClass().getName()),
        finder -> finder.find(own, batch -> null, BATCHES));
  }

  @OnEachEngine
  void whatWasClosed(EngineChoice engine) {
    Adam closed = new Adam(mlp.parameters(), new AdamOptions(0.1));
    closed.close();
    LossFunction<Batch> loss = batch -> null;
    Stream.<Consumer<LrFinder>>of(
            finder -> finder.find(mlp, closed, Loss.CROSS_ENTROPY, BATCHES),
            finder ->
                finder.find(
                    SweepTask.of(mlp, closed, Loss.CROSS_ENTROPY, BATCHES).validatedOn(BATCHES)),
            finder -> finder.find(SweepTask.of(mlp, closed, loss, BATCHES)),
            finder -> finder.find(closed, loss, BATCHES),
            finder -> finder.find(SweepTask.of(script(), closed, Loss.CROSS_ENTROPY, BATCHES)),
            finder ->
                finder.find(
                    SweepTask.of(List.of(OptimizedLoss.sweeping(mlp, closed, loss)), BATCHES)),
            finder ->
                finder.find(
                    SweepTask.of(
                        List.of(OptimizedLoss.sweeping(mlp, adam(), loss).andKeeping(closed)),
                        BATCHES)))
        .forEach(sweep -> refused(engine, "the optimizer was closed", sweep));
    SequentialImpl network = new SequentialImpl();
    network.close();
    JitModule script = new JitModule();
    script.close();
    Stream.<Consumer<LrFinder>>of(
            finder -> finder.find(network, adam(), Loss.CROSS_ENTROPY, BATCHES),
            finder -> finder.find(SweepTask.of(network, adam(), loss, BATCHES)),
            finder ->
                finder.find(
                    SweepTask.of(network, adam(), loss, BATCHES).validatedOn(loss, BATCHES)),
            finder -> finder.find(SweepTask.of(script, adam(), Loss.CROSS_ENTROPY, BATCHES)),
            finder -> finder.find(SweepTask.of(script, adam(), loss, BATCHES)),
            finder ->
                finder.find(
                    SweepTask.of(List.of(OptimizedLoss.sweeping(network, adam(), loss)), BATCHES)),
            finder ->
                finder.find(
                    SweepTask.of(List.of(OptimizedLoss.sweeping(script, adam(), loss)), BATCHES)))
        .forEach(sweep -> refused(engine, "the network was closed", sweep));
    Tensor gone = torch.randn(16, Models.FEATURES);
    gone.close();
    refused(
        engine,
        "the batch's input was closed before it was used",
        finder ->
            finder.find(
                mlp,
                adam(),
                Loss.CROSS_ENTROPY,
                List.of(new Batch(gone, BATCHES.get(0).target()))));
    refused(
        engine,
        "the batch's target was closed before it was used",
        finder ->
            finder.find(
                mlp, adam(), Loss.CROSS_ENTROPY, List.of(new Batch(BATCHES.get(0).input(), gone))));
  }

  private static JitModule script() {
    return Models.keep(torch.load("src/test/torchscript/classifier.pt"));
  }

  /** A Java class's forward, which the native core does not call. */
  private static final class Doubling extends SequentialImpl {
    @Override
    public Tensor forward(Tensor input) {
      return super.forward(input).mul(new Scalar(2.0));
    }
  }

  @OnEachEngine
  void aForwardThatTheEngineWouldNotCall(EngineChoice engine) {
    String refusal =
        "%s overrides forward, but the engine forwards its layers natively and would not call it:"
            + " pass the loss instead, SweepTask.of(network, optimizer, batch -> loss, batches)";
    Doubling doubling = Models.keep(new Doubling());
    doubling.push_back(Models.keep(new LinearImpl(Models.FEATURES, Models.CLASSES)));
    Optimizer optimizer = OptimizerSpec.SGD.over(doubling);
    refused(
        engine,
        refusal.formatted("org.lrfinder.RefusalTest$Doubling"),
        finder -> finder.find(doubling, optimizer, Loss.CROSS_ENTROPY, BATCHES));
    refused(
        engine,
        refusal.formatted("org.lrfinder.RefusalTest$Doubling"),
        finder ->
            finder.find(
                SweepTask.of(doubling, optimizer, Loss.CROSS_ENTROPY, BATCHES)
                    .validatedOn(BATCHES)));
    JitModule script =
        new JitModule(script()) {
          @Override
          public IValue forward(IValueVector inputs) {
            return super.forward(inputs);
          }
        };
    refused(
        engine,
        refusal.formatted(script.getClass().getName()),
        finder -> finder.find(SweepTask.of(script, adam(), Loss.CROSS_ENTROPY, BATCHES)));

    // By the way that the message names, and without a forward of its own.
    Batch first = BATCHES.get(0);
    double doubled =
        torch.cross_entropy_loss(doubling.forward(first.input()), first.target()).item_double();
    double[] losses =
        finder(engine)
            .find(
                SweepTask.of(
                    doubling,
                    optimizer,
                    batch ->
                        torch.cross_entropy_loss(doubling.forward(batch.input()), batch.target()),
                    BATCHES))
            .results()
            .losses();
    assertThat(losses[0]).isEqualTo(doubled);
    SequentialImpl plain =
        Models.keep(
            new SequentialImpl() {
              {
                push_back(Models.keep(new LinearImpl(Models.FEATURES, Models.CLASSES)));
              }
            });
    assertThat(
            finder(engine)
                .find(plain, OptimizerSpec.SGD.over(plain), Loss.CROSS_ENTROPY, BATCHES)
                .results()
                .size())
        .isPositive();
  }

  @OnEachEngine
  void tensorsOnDifferentDevices(EngineChoice engine) {
    Tensor elsewhere = BATCHES.get(0).input().to(new Device("meta"), ScalarType.Float);
    refused(
        engine,
        "tensors on different devices: the network is on cpu and the batch's input on meta; device(\"cpu\") of a SweepTask, or of a Trainer's builder, moves batches",
        finder ->
            finder.find(
                mlp,
                adam(),
                Loss.CROSS_ENTROPY,
                List.of(new Batch(elsewhere, BATCHES.get(0).target()))));
    Tensor onCpu = Models.keep(torch.randn(2).requires_grad_(true));
    Tensor onMeta =
        Models.keep(torch.randn(2).to(new Device("meta"), ScalarType.Float).requires_grad_(true));
    Optimizer both = OptimizerSpec.SGD.over(Models.vector(onCpu, onMeta));
    refused(
        engine,
        "tensors on different devices: the optimizer has parameters on cpu and on meta, all must be on one",
        finder -> finder.find(both, batch -> onCpu.sum(), BATCHES));
  }

  @OnEachEngine
  void aLossThatIsNotOneRealNumber(EngineChoice engine) {
    Adam adam = adam();
    refused(
        engine,
        "the loss must be one real number, not a tensor of shape [16, 3] and type float",
        finder ->
            finder.find(SweepTask.of(mlp, adam, batch -> mlp.forward(batch.input()), BATCHES)));
    refused(
        engine,
        "the loss must be one real number, not a closed tensor",
        finder ->
            finder.find(
                SweepTask.of(
                    mlp,
                    adam,
                    batch -> {
                      Tensor closed = torch.ones(1);
                      closed.close();
                      return closed;
                    },
                    BATCHES)));
    refused(
        engine,
        "the loss is an undefined tensor",
        finder -> finder.find(SweepTask.of(mlp, adam, batch -> new Tensor(), BATCHES)));
    refused(
        engine,
        "the loss does not depend on any parameter that takes a gradient",
        finder -> finder.find(SweepTask.of(mlp, adam, batch -> torch.ones(1), BATCHES)));
  }

  @OnEachEngine
  void aTargetThatWouldBeBroadcast(EngineChoice engine) {
    Batch batch = new Batch(BATCHES.get(0).input(), torch.randn(16));
    refused(
        engine,
        "the network's output has shape [16, 3] and the target [16]: this loss needs the same shape",
        finder -> finder.find(mlp, adam(), Loss.MSE, List.of(batch)));
  }

  @OnEachEngine
  void ratiosForAnotherNumberOfGroups(EngineChoice engine) {
    LrFinder finder = LrFinder.builder().engine(engine).groupRatios(1, 0.1).build();
    assertThatThrownBy(() -> finder.find(mlp, adam(), Loss.CROSS_ENTROPY, BATCHES))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("groupRatios has 2 entries, but the optimizer has 1 parameter groups");
  }

  private record Given(SequentialImpl module, Optimizer configureOptimizers) implements Model {
    @Override
    public Optional<Loss> loss() {
      return Optional.of(Loss.CROSS_ENTROPY);
    }
  }

  @OnEachEngine
  void whatATrainerCannotTrain(EngineChoice engine) {
    Adam closedOptimizer = new Adam(mlp.parameters(), new AdamOptions(0.1));
    closedOptimizer.close();
    SequentialImpl closed = new SequentialImpl();
    closed.close();
    Doubling doubling = Models.keep(new Doubling());
    Map.of(
            new Given(mlp, closedOptimizer),
            "configureOptimizers() returned an optimizer that was closed",
            new Given(closed, adam()),
            "the network was closed",
            new Given(doubling, adam()),
            Given.class.getName()
                + " has a loss(), which forwards the layers of a SequentialImpl natively, but its module() is a "
                + Doubling.class.getName()
                + ", whose own forward it would not call: override trainingStep(batch) instead")
        .forEach(
            (model, message) ->
                assertThatThrownBy(
                        () ->
                            Trainer.builder()
                                .engine(engine)
                                .logger(MetricsLogger.NONE)
                                .build()
                                .fit(model, BATCHES, null))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(message));
  }

  private final SequentialImpl mlp = Models.mlp();

  private Adam adam() {
    return (Adam) OptimizerSpec.ADAM.over(mlp);
  }

  private static LrFinder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).build();
  }

  /** Refused with this message, before any step, and nothing changed. */
  private void refused(EngineChoice engine, String message, Consumer<LrFinder> sweep) {
    AtomicInteger steps = new AtomicInteger();
    LrFinder finder =
        LrFinder.builder().engine(engine).listener(step -> steps.incrementAndGet()).build();
    Adam observer = adam();
    ModelState before = ModelState.of(mlp, observer);
    assertThatThrownBy(() -> sweep.accept(finder))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
    assertThat(steps).hasValue(0);
    before.assertUnchangedIn(ModelState.of(mlp, observer));
  }
}

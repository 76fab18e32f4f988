package org.lrfinder.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.OutOfMemoryException;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossTracker;
import org.lrfinder.sweep.RunningLoss;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** What the engines' sweeps say of their steps, without a loop. */
class EngineSweepTest {
  private static final int SETTLED = 5; // steps until the early stop tests
  private static final double LR = 1e-3;

  private final Tensor parameter =
      Models.keep(torch.ones(1).to(ScalarType.Double).requires_grad_(true));
  private final SweepSettings settings = SweepSettings.builder().steps(20).build();

  private EngineSweep start(EngineChoice engine) {
    SweepSubject.Part part =
        new SweepSubject.Part(
            null, null, List.of(OptimizerSpec.SGD.over(Models.vector(parameter))), true);
    return start(engine, part);
  }

  private EngineSweep start(EngineChoice engine, SweepSubject.Part part) {
    return Engines.of(engine)
        .start(new SweepSubject(List.of(part), false), settings, List.of(GroupRate.swept(1)), null);
  }

  private Tensor loss(double value) {
    return parameter.sum().mul(new Scalar(0.0)).add(new Scalar(value));
  }

  @OnEachEngine
  void aStepSaysWhatItFound(EngineChoice engine) {
    try (EngineSweep sweep = start(engine)) {
      for (int i = 0; i < SETTLED; i++) {
        assertThat(sweep.step(loss(1), LR, 0, 1)).isSameAs(Outcome.CONTINUE);
      }
      sweep.accumulate(loss(1), 0, 1);
      assertThat(sweep.finish(LR, 0)).isSameAs(Outcome.CONTINUE);
      assertThat(sweep.settle()).as("no loss is left").isSameAs(Outcome.PENDING);
      assertThat(sweep.step(loss(1e3), LR, 0, 1)).isSameAs(Outcome.DIVERGED);
    }
    try (EngineSweep sweep = start(engine)) {
      assertThat(sweep.step(loss(Double.NaN), LR, 0, 1)).isSameAs(Outcome.NON_FINITE);
    }
  }

  @OnEachEngine
  void theRunningLossIsOneObjectThatIsAlwaysUpToDateAndOutlivesTheSweep(EngineChoice engine) {
    LossTracker expected = LossTracker.of(settings);
    RunningLoss running;
    try (EngineSweep sweep = start(engine)) {
      running = sweep.runningLoss();
      for (double loss : new double[] {3, 2, 2.5, 1.25, 1.5, 2, 1}) {
        sweep.step(loss(loss), LR, 0, 1);
        expected.add(loss);
        assertSame(running, expected);
      }
    }
    try (EngineSweep next = start(engine)) { // in the memory that the first one had
      next.step(loss(7), LR, 0, 1);
      assertSame(running, expected);
    }
  }

  private static void assertSame(RunningLoss running, RunningLoss expected) {
    assertThat(running.last()).isEqualTo(expected.last());
    assertThat(running.smoothed()).isEqualTo(expected.smoothed());
    assertThat(running.best()).isEqualTo(expected.best());
  }

  @OnEachEngine
  void aLossMeasuredByTheCallerIsRefusedInTheWordsOfATrainingStep(EngineChoice engine) {
    try (EngineSweep sweep = start(engine)) {
      List<Tensor> losses =
          List.of(torch.ones(2, 3), torch.ones(1).to(ScalarType.Long).sum(), new Tensor());
      for (Tensor loss : losses) {
        Objective<Tensor> objective = new Objective.Callback<>(batch -> batch);
        String refusal = refusal(() -> objective.evaluate(sweep, loss, value -> {}));
        assertThat(refusal).isEqualTo(refusal(() -> objective.accumulate(sweep, loss)));
      }
      assertThat(refusal(() -> sweep.accumulate(losses.get(1), 0, 1)))
          .isEqualTo(
              "the loss must be one real number, not a tensor of shape [] and type long int");
    }
  }

  private static @Nullable String refusal(Runnable call) {
    try {
      call.run();
      return null;
    } catch (IllegalArgumentException e) {
      return e.getMessage();
    }
  }

  @OnEachEngine
  void memoryThatLibtorchCannotHaveIsSaidToBeThat(EngineChoice engine) {
    Tensor rows =
        torch.ones(1, Models.FEATURES).to(ScalarType.Double).expand(1L << 45, Models.FEATURES);
    Batch batch = new Batch(rows, rows);
    Module network = Models.inDouble(Models.mlp());
    JitModule script = Models.keep(torch.load("src/test/torchscript/classifier.pt"));
    for (SweepSubject.Part bare :
        List.of(
            new SweepSubject.Part(network, null, List.of(), true),
            new SweepSubject.Part(null, script, List.of(), true))) {
      Tensor[] parameters = ModelTensors.networkParameters(bare).toArray(Tensor[]::new);
      List<Optimizer> sgd = List.of(OptimizerSpec.SGD.over(Models.vector(parameters)));
      SweepSubject.Part part = new SweepSubject.Part(bare.module(), bare.script(), sgd, true);
      try (EngineSweep sweep = start(engine, part)) {
        assertThatThrownBy(() -> sweep.step(batch, Loss.MSE, LR))
            .isInstanceOf(OutOfMemoryException.class)
            .hasMessageStartingWith("libtorch ran out of memory: ");
      }
    }
  }
}

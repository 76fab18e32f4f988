package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.StepSettings;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.OnEachEngine;

/** Trainings whose gradients are clipped: as PyTorch's functions clip them in a plain loop. */
class ClippedTrainingTest {
  private static final double MAX_VALUE = 0.01;
  private static final double MAX_NORM = 0.1;

  private static Trainer.Builder trainer(EngineChoice engine) {
    return Trainer.builder()
        .engine(engine)
        .maxEpochs(2)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()));
  }

  private static ModelUnderTest model() {
    ModelUnderTest model = new ModelUnderTest();
    model.lr = 0.05;
    return model;
  }

  static Stream<Arguments> enginesAndWindows() {
    return EnginesUnderTest.stream()
        .flatMap(engine -> Stream.of(1, 2).map(window -> Arguments.of(engine, window)));
  }

  @ParameterizedTest(name = "{0}, {1} micro-batches a step")
  @MethodSource("enginesAndWindows")
  void gradientsAreClampedAsPyTorchDoes(EngineChoice engine, int window) {
    trainsAsAPlainLoop(
        trainer(engine).accumulateGradBatches(window).gradientClipValue(MAX_VALUE),
        window,
        parameters -> {
          torch.clip_grad_value_(parameters, MAX_VALUE);
          return parameters;
        });
  }

  @ParameterizedTest(name = "{0}, {1} micro-batches a step")
  @MethodSource("enginesAndWindows")
  void gradientsAreScaledToANormAsPyTorchDoes(EngineChoice engine, int window) {
    trainsAsAPlainLoop(
        trainer(engine).accumulateGradBatches(window).gradientClipNorm(MAX_NORM),
        window,
        parameters -> {
          torch.clip_grad_norm_(parameters, MAX_NORM);
          return parameters;
        });
  }

  private static void trainsAsAPlainLoop(
      Trainer.Builder trainer, int window, UnaryOperator<TensorVector> clip) {
    ModelUnderTest trained = model();
    trainer.build().fit(trained);

    SequentialImpl plain = plainLoop(window, clip);
    SequentialImpl unclipped = plainLoop(window, UnaryOperator.identity());

    assertThat(distance(trained.network, plain)).isCloseTo(0, within(1e-9));
    assertThat(distance(trained.network, unclipped)).isGreaterThan(1e-3);
  }

  private static SequentialImpl plainLoop(int window, UnaryOperator<TensorVector> clip) {
    ModelUnderTest model = model();
    Optimizer optimizer = model.configureOptimizers();
    List<Batch> batches = model.batches.list;
    for (int epoch = 0; epoch < 2; epoch++) {
      for (int from = 0; from < batches.size(); from += window) {
        List<Batch> step = batches.subList(from, Math.min(from + window, batches.size()));
        optimizer.zero_grad();
        for (Batch batch : step) {
          torch
              .cross_entropy_loss(model.network.forward(batch.input()), batch.target())
              .div(new Scalar((double) step.size()))
              .backward();
        }
        clip.apply(model.network.parameters());
        optimizer.step();
      }
    }
    return model.network;
  }

  private static double distance(SequentialImpl one, SequentialImpl other) {
    double largest = 0;
    for (long i = 0; i < one.parameters().size(); i++) {
      Tensor difference = one.parameters().get(i).sub(other.parameters().get(i));
      largest = Math.max(largest, difference.abs().max().item_double());
    }
    return largest;
  }

  @OnEachEngine
  void theTrainersOwnSweepMakesItsStepsAsTheTrainingDoes(EngineChoice engine) {
    LrFinderResult found =
        trainer(engine)
            .accumulateGradBatches(2)
            .gradientClipValue(MAX_VALUE)
            .threads(1)
            .lrFindRetries(false)
            .build()
            .lrFind(model());

    assertThat(found.settings().step())
        .isEqualTo(
            StepSettings.builder()
                .accumulateGradBatches(2)
                .gradientClipValue(MAX_VALUE)
                .threads(1)
                .build());
  }

  @Test
  void aTrainerRefusesAStepThatCannotBe() {
    Trainer.Builder trainer = trainer(EngineChoice.PORTABLE);
    assertThatThrownBy(() -> trainer.gradientClipValue(0).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("gradientClipValue is 0.0, but must be greater than 0");
    assertThatThrownBy(() -> trainer.gradientClipNorm(1).gradientClipValue(2).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "gradientClipValue is 2.0, but must be none when gradients are clipped by gradientClipNorm, which is 1.0");
  }
}

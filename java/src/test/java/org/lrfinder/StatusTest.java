package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.SequentialImpl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.testkit.Digits;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.OptimizerSpec;

/** Every status, provoked on a real task and on a made curve. */
class StatusTest {
  private static final int[] SHALLOW = {64, 64};
  private static final int[] DEEP = {32, 32, 32, 32, 32, 32};

  /** A sweep of the digits. */
  private record Sweep(
      Status expected,
      OptimizerSpec optimizer,
      double minLr,
      double maxLr,
      int steps,
      int[] hidden,
      Batches batches) {}

  static Stream<Arguments> realTasks() {
    Batches digits = Digits.batches();
    return Stream.of(
            new Sweep(Status.OK, OptimizerSpec.ADAMW, 1e-7, 10, 100, SHALLOW, digits),
            new Sweep(Status.STILL_FALLING, OptimizerSpec.ADAMW, 1e-7, 1e-3, 100, SHALLOW, digits),
            new Sweep(Status.NEVER_FELL, OptimizerSpec.SGD, 1e-7, 1000, 100, DEEP, digits),
            new Sweep(Status.STARTED_DIVERGED, OptimizerSpec.SGD, 10, 1e4, 100, SHALLOW, digits),
            new Sweep(Status.TOO_FEW_POINTS, OptimizerSpec.ADAMW, 1e-7, 10, 5, SHALLOW, digits),
            new Sweep(
                Status.NON_FINITE,
                OptimizerSpec.ADAMW,
                1e-7,
                10,
                100,
                SHALLOW,
                Digits.brokenBatches()),
            new Sweep(Status.FLAT_NOISE, OptimizerSpec.SGD, 1e-9, 1e-5, 100, SHALLOW, digits))
        .flatMap(
            sweep ->
                EnginesUnderTest.stream()
                    .map(engine -> Arguments.of(sweep.expected, engine, sweep)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("realTasks")
  void aRealTaskProvokesIt(Status status, EngineChoice engine, Sweep sweep) {
    SequentialImpl network = Digits.network(sweep.hidden);
    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .minLr(sweep.minLr)
            .maxLr(sweep.maxLr)
            .steps(sweep.steps)
            .build()
            .find(network, sweep.optimizer.over(network), Loss.CROSS_ENTROPY, sweep.batches);

    assertThat(found.status()).isEqualTo(sweep.expected);
    boolean ok = sweep.expected == Status.OK;
    assertThat(found.suggestion().isPresent()).isEqualTo(ok);
    assertThat(found.cyclicRange().isPresent()).isEqualTo(ok);
    assertThat(found.largestStableLr().isPresent()).isEqualTo(ok);
    assertThat(found.agreement().isPresent()).isEqualTo(ok);
    assertThat(found.warnings()).doesNotContain(status.words());
  }

  static Stream<Arguments> madeCurves() {
    DoubleUnaryOperator falls = x -> 2.3 - 2 / (1 + Math.exp(-4 * (x + 3)));
    DoubleUnaryOperator explodes = x -> Math.pow(10, 3 * Math.max(0, x));
    DoubleUnaryOperator flat = x -> 2.3;
    return Stream.of(
        Arguments.of(
            Status.OK,
            made(-7, 1, x -> falls.applyAsDouble(x) + explodes.applyAsDouble(x)),
            EndReason.COMPLETED),
        Arguments.of(Status.OK, made(-7, -1, falls), EndReason.NON_FINITE),
        Arguments.of(Status.STILL_FALLING, made(-7, -3, falls), EndReason.COMPLETED),
        Arguments.of(Status.NEVER_FELL, made(-7, 1, explodes), EndReason.COMPLETED),
        Arguments.of(Status.STARTED_DIVERGED, made(0.1, 4, explodes), EndReason.COMPLETED),
        Arguments.of(
            Status.STARTED_DIVERGED, first(12, made(0.1, 4, explodes)), EndReason.DIVERGED),
        Arguments.of(Status.STARTED_DIVERGED, first(3, made(1, 8, explodes)), EndReason.NON_FINITE),
        Arguments.of(Status.TOO_FEW_POINTS, first(7, made(-7, 1, falls)), EndReason.DATA_EXHAUSTED),
        Arguments.of(Status.NON_FINITE, first(0, made(-7, 1, falls)), EndReason.NON_FINITE),
        Arguments.of(Status.NON_FINITE, first(20, made(-7, 1, flat)), EndReason.NON_FINITE),
        Arguments.of(Status.NON_FINITE, made(-7, 1, x -> Double.NaN), EndReason.COMPLETED),
        Arguments.of(Status.FLAT_NOISE, made(-7, 1, flat), EndReason.COMPLETED));
  }

  @ParameterizedTest(name = "{0} {2}")
  @MethodSource("madeCurves")
  void aMadeCurveProvokesIt(Status status, Curve curve, EndReason endReason) {
    SweepSettings settings = SweepSettings.builder().minLr(1e-7).maxLr(10).build();
    assertThat(Answer.to(settings, curve, endReason, List.of(), new MiddleOfFall()).status())
        .isEqualTo(status);
  }

  @Test
  void noStatusIsWithoutACurve() {
    assertThat(madeCurves().map(arguments -> arguments.get()[0]))
        .contains((Object[]) Status.values());
  }

  /** A hundred points with a little noise. */
  private static Curve made(double firstExponent, double lastExponent, DoubleUnaryOperator loss) {
    double[] rates = new double[100];
    double[] losses = new double[100];
    Random noise = new Random(1);
    for (int i = 0; i < rates.length; i++) {
      double x = firstExponent + i * (lastExponent - firstExponent) / 99;
      rates[i] = Math.pow(10, x);
      losses[i] = loss.applyAsDouble(x) + 0.01 * noise.nextGaussian();
    }
    return new Curve(rates, losses, losses);
  }

  private static Curve first(int points, Curve curve) {
    return new Curve(
        Arrays.copyOf(curve.rates(), points),
        Arrays.copyOf(curve.losses(), points),
        Arrays.copyOf(curve.smoothedLosses(), points));
  }
}

package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.lrfinder.sweep.StepFunction;

class MadeCurveTest {
  @Test
  void fallsByOneOverTwoDecadesAndIsLevelBeforeAndBehind() {
    MadeCurve curve = new MadeCurve(-1.5, 0, 0);
    assertThat(curve.loss(1e-7)).isEqualTo(2);
    assertThat(curve.loss(Math.pow(10, -2.5))).isCloseTo(2, within(1e-9));
    assertThat(curve.loss(Math.pow(10, -2))).isCloseTo(1.84375, within(1e-9));
    assertThat(curve.loss(Math.pow(10, -1.5))).isCloseTo(1.5, within(1e-9));
    assertThat(curve.loss(Math.pow(10, -0.5))).isCloseTo(1, within(1e-9));
    assertThat(curve.loss(10)).isEqualTo(1);
  }

  @Test
  void risesBehindTheFallByAShareADecade() {
    MadeCurve curve = new MadeCurve(-1.5, 0.03, 0);
    assertThat(curve.loss(Math.pow(10, -0.5))).isCloseTo(1, within(1e-9));
    assertThat(curve.loss(Math.pow(10, 0.5))).isCloseTo(1.03, within(1e-9));
    assertThat(curve.loss(10)).isCloseTo(1.045, within(1e-9));
    assertThat(curve.loss(1e-4)).isEqualTo(2);
  }

  @Test
  void theNoiseHasItsDeviation() {
    StepFunction steps = MadeCurve.flat(0.1).steps(new Random(1));
    double[] errors =
        DoubleStream.generate(() -> steps.step(0.01) - 2).limit(10_000).map(e -> e * e).toArray();
    assertThat(Math.sqrt(DoubleStream.of(errors).average().orElseThrow()))
        .isCloseTo(0.1, within(0.003));
  }

  @Test
  void oneStepIsNotANumberAndTheOthersAreWhatTheyAreWithoutIt() {
    MadeCurve curve = new MadeCurve(-1.5, 0, 0.1);
    StepFunction whole = curve.steps(new Random(1));
    StepFunction broken = curve.steps(new Random(1), 2);
    assertThat(broken.step(0.1)).isEqualTo(whole.step(0.1));
    assertThat(broken.step(0.1)).isEqualTo(whole.step(0.1));
    assertThat(broken.step(0.1)).isNaN();
    assertThat(broken.step(0.1)).isEqualTo(whole.step(0.1));
  }
}

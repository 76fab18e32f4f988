package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LinearModelTest {
  private static final double NUDGE = 1e-6;

  @Test
  void gradientsAreTheSlopesOfTheLosses() {
    for (LinearModel model :
        List.of(
            LinearModel.twoClasses(1, 0.1, 0.3, 1),
            LinearModel.tenClasses(1, 0.2, 0.3, 1),
            LinearModel.regression(1, 0.1, 1))) {
      double[] gradient = new double[model.weights.length];
      double[] ignored = gradient.clone();
      double loss = model.addGradient(7, gradient);
      for (int j = 0; j < gradient.length; j++) {
        model.weights[j] += NUDGE;
        assertThat((model.addGradient(7, ignored) - loss) / NUDGE)
            .isCloseTo(gradient[j], within(1e-4));
        model.weights[j] -= NUDGE;
      }
    }
  }

  @Test
  void startingAtZeroEveryLossIsTheLogarithmOfTheClasses() {
    assertThat(LinearModel.twoClasses(1, 0.1, 0, 4).step(0.1))
        .isCloseTo(Math.log(2), within(1e-12));
    assertThat(LinearModel.tenClasses(1, 0.2, 0, 4).step(0.1))
        .isCloseTo(Math.log(10), within(1e-12));
  }

  @Test
  void theShareOfFlippedLabelsIsWhatWasAskedFor() {
    // The same seed draws the same rows: labels differ where they were flipped.
    long[] clean = LinearModel.twoClasses(1, 0, 0, 1).labels();
    long[] flipped = LinearModel.twoClasses(1, 0.4, 0, 1).labels();
    long different =
        LongStream.range(0, clean.length).filter(i -> clean[(int) i] != flipped[(int) i]).count();
    assertThat(different / (double) clean.length).isCloseTo(0.4, within(0.05));
  }

  @Test
  void trainingLearnsAndASweepsEndBringsTheWeightsBack() {
    LinearModel model = LinearModel.twoClasses(1, 0.1, 0, 8);
    model.save();
    assertThat(model.train(0.3, 300)).isLessThan(0.45);
    model.restore();
    assertThat(model.loss()).isCloseTo(Math.log(2), within(1e-12));
  }

  @Test
  void aRateIsFarOffInBothDirections() {
    assertThat(ZeroHeads.isFar(0.011, 0.3)).isFalse();
    assertThat(ZeroHeads.isFar(0.009, 0.3)).isTrue();
    assertThat(ZeroHeads.isFar(9, 0.3)).isFalse();
    assertThat(ZeroHeads.isFar(10, 0.3)).isTrue();
  }
}

package org.lrfinder.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import org.junit.jupiter.api.Test;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.OnEachEngine;

/** The sweep whose losses are known. */
class SelfTestTest {
  /** By hand, in double precision, without libtorch. */
  private static double[] computed() {
    int features = SelfTest.FEATURES;
    int hidden = SelfTest.HIDDEN;
    double[][] weights = new double[hidden][features];
    double[] biases = new double[hidden];
    double[] outWeights = new double[hidden];
    double outBias = SelfTest.number(3, 0);
    for (int j = 0; j < hidden; j++) {
      for (int f = 0; f < features; f++) {
        weights[j][f] = SelfTest.number(0, j * features + f);
      }
      biases[j] = SelfTest.number(1, j);
      outWeights[j] = SelfTest.number(2, j);
    }
    double[] losses = new double[SelfTest.STEPS];
    for (int step = 0; step < SelfTest.STEPS; step++) {
      double lr =
          SelfTest.MIN_LR
              * Math.pow(SelfTest.MAX_LR / SelfTest.MIN_LR, step / (SelfTest.STEPS - 1.0));
      double[][] weightGradients = new double[hidden][features];
      double[] biasGradients = new double[hidden];
      double[] outGradients = new double[hidden];
      double outBiasGradient = 0;
      for (int i = 0; i < SelfTest.BATCH; i++) {
        int row = (step * SelfTest.BATCH + i) % SelfTest.ROWS;
        double[] activations = new double[hidden];
        double output = outBias;
        for (int j = 0; j < hidden; j++) {
          double sum = biases[j];
          for (int f = 0; f < features; f++) {
            sum += weights[j][f] * SelfTest.number(4, row * features + f);
          }
          activations[j] = Math.tanh(sum);
          output += outWeights[j] * activations[j];
        }
        double error = output - SelfTest.number(5, row);
        losses[step] += error * error / SelfTest.BATCH;
        double gradient = 2 * error / SelfTest.BATCH;
        outBiasGradient += gradient;
        for (int j = 0; j < hidden; j++) {
          outGradients[j] += gradient * activations[j];
          double inner = gradient * outWeights[j] * (1 - activations[j] * activations[j]);
          biasGradients[j] += inner;
          for (int f = 0; f < features; f++) {
            weightGradients[j][f] += inner * SelfTest.number(4, row * features + f);
          }
        }
      }
      for (int j = 0; j < hidden; j++) {
        for (int f = 0; f < features; f++) {
          weights[j][f] -= lr * weightGradients[j][f];
        }
        biases[j] -= lr * biasGradients[j];
        outWeights[j] -= lr * outGradients[j];
      }
      outBias -= lr * outBiasGradient;
    }
    return losses;
  }

  @Test
  void theStoredLossesAreThoseOfTheSweepInDoublePrecision() {
    assertThat(SelfTest.LOSSES).containsExactly(computed(), offset(1e-12));
  }

  @OnEachEngine
  void anEngineFindsTheStoredLossesToFloat32Rounding(EngineChoice engine) {
    SelfTest.Outcome outcome = SelfTest.run(engine, "cpu");
    assertThat(outcome.isRight()).as("differs by %s", outcome.difference()).isTrue();
    assertThat(outcome.difference())
        .isPositive(); // of rounding, which a wrong comparison would hide
    assertThat(outcome.microseconds()).isPositive();
  }

  @Test
  void aLossThatIsMissingOrALittleOffIsNoticed() {
    double[] off = SelfTest.LOSSES.clone();
    off[17] *= 1 + 3e-5;
    assertThat(SelfTest.difference(off)).isCloseTo(3e-5, offset(1e-9));
    assertThat(SelfTest.difference(new double[3])).isInfinite();
    off[17] = Double.NaN;
    assertThat(SelfTest.difference(off)).isInfinite();
  }
}

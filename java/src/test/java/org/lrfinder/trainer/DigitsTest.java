package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Locale;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A found rate is worth having: on real data, against PyTorch's default rate. */
class DigitsTest {
  private static final double DEFAULT_RATE = 1e-3; // of each of these in PyTorch
  private static final int EPOCHS = 3;

  private enum Kind {
    SGD((parameters, lr) -> new SGD(parameters, new SGDOptions(lr))),
    MOMENTUM(
        (parameters, lr) -> {
          SGDOptions options = new SGDOptions(lr);
          options.momentum().put(0.9);
          return new SGD(parameters, options);
        }),
    ADAM((parameters, lr) -> new Adam(parameters, new AdamOptions(lr))),
    ADAMW((parameters, lr) -> new AdamW(parameters, new AdamWOptions(lr)));

    private final Digits.AtRate atRate;

    Kind(Digits.AtRate atRate) {
      this.atRate = atRate;
    }
  }

  @ParameterizedTest
  @EnumSource
  void theFoundRateReachesAtLeastTheAccuracyOfTheDefaultRate(Kind kind) {
    double plain = accuracy(kind, false);
    double found = accuracy(kind, true);
    System.getLogger(DigitsTest.class.getName())
        .log(
            System.Logger.Level.INFO,
            String.format(Locale.ROOT, "%s: default %.4f, found %.4f", kind, plain, found));
    assertThat(found).isGreaterThanOrEqualTo(plain);
  }

  private static double accuracy(Kind kind, boolean find) {
    Digits model = new Digits(DEFAULT_RATE, kind.atRate);
    Trainer.builder()
        .autoLrFind(find)
        .maxEpochs(EPOCHS)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()))
        .build()
        .fit(model);
    return model.accuracy();
  }
}

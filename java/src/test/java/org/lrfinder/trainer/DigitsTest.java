package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.suggestion.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A found rate is worth having: on real data, against PyTorch's default rate. */
class DigitsTest {
  private static final Logger LOG = LoggerFactory.getLogger(DigitsTest.class);
  private static final double DEFAULT_RATE = 1e-3; // of each of these in PyTorch
  private static final int EPOCHS = 3;

  @ParameterizedTest
  @EnumSource(names = {"SGD", "MOMENTUM", "ADAM", "ADAMW"})
  void theFoundRateReachesAtLeastTheAccuracyOfTheDefaultRate(OptimizerKind kind) {
    assertThat(accuracyOf(kind, true, LrFinder.builder().build()).accuracy)
        .isGreaterThanOrEqualTo(accuracyOf(kind, false, LrFinder.builder().build()).accuracy);
  }

  /** Plain SGD still falls at a rate of 1, where Lightning's range ends: nothing is suggested. */
  @ParameterizedTest
  @EnumSource(names = {"SGD", "MOMENTUM", "ADAM", "ADAMW"})
  void inARangeThatIsWideEnoughEachHasARateBetterThanItsDefault(OptimizerKind kind) {
    Trained found = accuracyOf(kind, true, LrFinder.builder().autoRange(true).build());
    assertThat(found.status).isEqualTo(Status.OK);
    assertThat(found.accuracy)
        .isGreaterThan(accuracyOf(kind, false, LrFinder.builder().build()).accuracy);
  }

  private record Trained(double accuracy, @Nullable Status status) {}

  private static Trained accuracyOf(OptimizerKind kind, boolean find, LrFinder finder) {
    DigitsModel model = new DigitsModel(DEFAULT_RATE, (over, lr) -> kind.over(over, lr, Map.of()));
    TrainingResult result =
        Trainer.builder()
            .autoLrFind(find)
            .lrFinder(finder)
            .maxEpochs(EPOCHS)
            .logger(MetricsLogger.NONE)
            .console(new PrintStream(OutputStream.nullOutputStream()))
            .build()
            .fit(model);
    Status status = result.lrFind().map(LrFinderResult::status).orElse(null);
    LOG.info(
        "{}, find {}: {}, rate {}, accuracy {}", kind, find, status, model.lr, model.accuracy());
    return new Trained(model.accuracy(), status);
  }
}

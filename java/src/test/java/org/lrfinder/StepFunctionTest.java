package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.StepFunction;

/** Sweeps by a step of the user's own. */
class StepFunctionTest {
  @Test
  void aStepFunctionNeedsNoTensor() {
    double[] weight = {5};
    double[] saved = {Double.NaN};
    StepFunction quadratic =
        StepFunction.of(
            lr -> {
              double loss = weight[0] * weight[0];
              weight[0] -= lr * 2 * weight[0];
              return loss;
            },
            () -> saved[0] = weight[0],
            () -> weight[0] = saved[0]);

    LrFinderResult found = LrFinder.builder().minLr(1e-4).maxLr(100).build().find(quadratic);

    assertThat(found.endReason()).isEqualTo(EndReason.DIVERGED);
    assertThat(found.suggestion()).hasValueSatisfying(s -> assertThat(s.lr()).isBetween(1e-3, 1.0));
    assertThat(found.engine().engine()).isEqualTo("step function");
    assertThat(weight[0]).isEqualTo(5);
  }

  @Test
  void aStepFunctionIsRestoredAfterAFaultAndAFailingRestoreIsNotLost() {
    IllegalStateException fault = new IllegalStateException("step");
    IllegalStateException second = new IllegalStateException("restore");
    assertThatThrownBy(
            () ->
                LrFinder.builder()
                    .build()
                    .find(
                        StepFunction.of(
                            lr -> {
                              throw fault;
                            },
                            () -> {},
                            () -> {
                              throw second;
                            })))
        .isInstanceOf(RestoreException.class)
        .hasMessage("the model could not be restored and is not as it was: restore")
        .hasCause(second)
        .hasSuppressedException(fault);
  }

  @Test
  void aStepFunctionThatCannotRestoreSaysSoAfterASweepThatWentWell() {
    UnsupportedOperationException failure = new UnsupportedOperationException();
    assertThatThrownBy(
            () ->
                LrFinder.builder()
                    .build()
                    .find(
                        StepFunction.of(
                            lr -> 1,
                            () -> {},
                            () -> {
                              throw failure;
                            })))
        .isInstanceOf(RestoreException.class)
        .hasMessageEndingWith("is not as it was: java.lang.UnsupportedOperationException")
        .hasCause(failure);
  }

  @Test
  void nothingIsRestoredIfSavingFailed() {
    IllegalStateException failure = new IllegalStateException("save");
    assertThatThrownBy(
            () ->
                LrFinder.builder()
                    .build()
                    .find(
                        StepFunction.of(
                            lr -> 1,
                            () -> {
                              throw failure;
                            },
                            () -> {
                              throw new AssertionError("nothing was saved");
                            })))
        .isSameAs(failure)
        .hasNoSuppressedExceptions();
  }
}

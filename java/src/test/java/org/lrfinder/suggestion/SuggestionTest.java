package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepFunction;

class SuggestionTest {
  private static int nearest(double lr, double... rates) {
    Curve curve = new Curve(rates, new double[rates.length], new double[rates.length]);
    return Suggestion.of(curve, lr, List.of(GroupRate.swept(1)), "any").index();
  }

  @Test
  void itsPointIsTheNearestByFactorHoweverSmallOrLargeTheRates() {
    assertThat(nearest(2, 1, 10)).isEqualTo(0);
    assertThat(nearest(5, 1, 10)).isEqualTo(1);
    assertThat(nearest(1e-290, 1e-300, 1e-200)).isEqualTo(0);
    assertThat(nearest(1e-210, 1e-300, 1e-200)).isEqualTo(1);
    assertThat(nearest(1e210, 1e200, 1e300)).isEqualTo(0);
    assertThat(nearest(1e290, 1e200, 1e300)).isEqualTo(1);
    assertThat(nearest(0.1, 0, 1)).isEqualTo(1); // linear from 0
  }

  @Test
  void theWidestRangeThatIsAllowedHasAnAnswer() {
    LrFinderResult found =
        LrFinder.builder()
            .minLr(Double.MIN_NORMAL)
            .maxLr(1)
            .steps(300)
            .build()
            .find(StepFunction.of(lr -> 1 / (1 + lr / 1e-150) + (lr > 1e-120 ? 1e3 : 0)));
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.suggestion().orElseThrow().lr()).isBetween(1e-152, 1e-140);
  }
}

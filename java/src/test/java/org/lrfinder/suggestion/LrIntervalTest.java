package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

class LrIntervalTest {
  private static final SweepSettings SETTINGS =
      SweepSettings.builder().minLr(1e-7).maxLr(10).steps(200).build();

  /** Falls from 2 to 1 around 1e-3 and rises steeply from 0.1 on. */
  private static double loss(double logRate) {
    double fall = 1 / (1 + Math.exp(-4 * (logRate + 3)));
    return 2 - fall + (logRate > -1 ? 3 * (logRate + 1) : 0);
  }

  private static Curve curve(double noise, long seed, double scale) {
    Random random = new Random(seed);
    double[] rates = new double[SETTINGS.steps()];
    double[] losses = new double[rates.length];
    for (int i = 0; i < rates.length; i++) {
      double logRate = -7 + 8.0 * i / (rates.length - 1);
      rates[i] = Math.pow(10, logRate);
      losses[i] = scale * (loss(logRate) + noise * random.nextGaussian());
    }
    return new Curve(rates, losses, losses);
  }

  private static Optional<LrInterval> interval(Curve curve) {
    return answer(curve, new MiddleOfFall()).suggestion().flatMap(Suggestion::interval);
  }

  private static Answer answer(Curve curve, SuggestionRule rule) {
    return Answer.to(SETTINGS, curve, EndReason.COMPLETED, List.of(GroupRate.swept(1)), rule);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.01, 0.05, 0.1})
  void thePickWithoutNoiseLiesInNineOfTenIntervals(double noise) {
    double lr = answer(curve(1e-6, 0, 1), new MiddleOfFall()).suggestion().orElseThrow().lr();
    long inside =
        IntStream.rangeClosed(1, 100)
            .mapToObj(seed -> interval(curve(noise, seed, 1)).orElseThrow())
            .filter(interval -> interval.low() <= lr && lr <= interval.high())
            .count();
    assertThat(inside).isGreaterThanOrEqualTo(90);
  }

  @Test
  void moreNoiseMakesItWider() {
    double[] decades =
        IntStream.of(0, 1, 2)
            .mapToDouble(
                k ->
                    IntStream.rangeClosed(1, 20)
                        .mapToDouble(
                            seed ->
                                interval(curve(new double[] {0.001, 0.03, 0.1}[k], seed, 1))
                                    .orElseThrow()
                                    .decades())
                        .average()
                        .orElseThrow())
            .toArray();
    assertThat(decades).isSorted();
    assertThat(decades[0]).isCloseTo(0.3, within(0.1));
    assertThat(decades[2]).isBetween(0.3, 1.0);
  }

  @Test
  void aCurveHasOneIntervalAroundItsPickWhateverTheUnitOfItsLoss() {
    Suggestion suggestion =
        answer(curve(0.05, 1, 1), new MiddleOfFall()).suggestion().orElseThrow();
    LrInterval interval = suggestion.interval().orElseThrow();
    assertThat(suggestion.lr()).isBetween(interval.low(), interval.high());
    assertThat(interval(curve(0.05, 1, 1))).contains(interval);
    LrInterval scaled = interval(curve(0.05, 1, 1000)).orElseThrow();
    assertThat(scaled.low() / interval.low()).isCloseTo(1, within(1e-9));
    assertThat(scaled.high() / interval.high()).isCloseTo(1, within(1e-9));
  }

  @Test
  void noFallAndOtherRulesHaveNone() {
    Answer flat = answer(curve(10, 1, 1), new MiddleOfFall());
    assertThat(flat.status()).isNotEqualTo(Status.OK);
    assertThat(flat.suggestion(MiddleOfFall.NAME).orElseThrow().interval()).isEmpty();
    Answer steepest = answer(curve(0.05, 1, 1), new Steepest());
    assertThat(steepest.suggestion().orElseThrow().interval()).isEmpty();
    assertThat(steepest.suggestion(MiddleOfFall.NAME).orElseThrow().interval()).isPresent();
  }

  @Test
  void whatOtherSweepsSuggestedLiesWithinByATenthOfADecade() {
    LrInterval interval = new LrInterval(1e-3, 1e-2);
    assertThat(interval.spanning(List.of())).isEqualTo(interval);
    assertThat(interval.spanning(List.of(3e-3))).isEqualTo(interval);
    LrInterval wider = interval.spanning(List.of(1.0, 1e-4, 5e-3));
    assertThat(Math.log10(wider.low())).isCloseTo(-4.1, within(1e-12));
    assertThat(Math.log10(wider.high())).isCloseTo(0.1, within(1e-12));
  }

  @Test
  void ofAnAnswerOnlyTheSuggestionSpansOtherSweeps() {
    Answer answer = answer(curve(0.05, 1, 1), new MiddleOfFall()).spanning(List.of(1.0));
    assertThat(answer.suggestion().orElseThrow().interval().orElseThrow().high())
        .isGreaterThan(1.0);
    Answer steepest = answer(curve(0.05, 1, 1), new Steepest()).spanning(List.of(1.0));
    assertThat(steepest.suggestion().orElseThrow().interval()).isEmpty();
    assertThat(steepest.suggestion(MiddleOfFall.NAME).flatMap(Suggestion::interval))
        .isEqualTo(interval(curve(0.05, 1, 1)));
  }

  @Test
  void itsEndsAreRatesInTheirOrder() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new LrInterval(0, 1))
        .withMessageContaining("low is 0.0");
    assertThatIllegalArgumentException().isThrownBy(() -> new LrInterval(2, 1));
    assertThat(new LrInterval(1e-3, 1e-2).decades()).isCloseTo(1, within(1e-12));
  }
}

package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;

class AnswerTest {
  private final LrFinderResult found =
      LrFinder.builder()
          .minLr(1e-7)
          .maxLr(10)
          .build()
          .find(
              StepFunction.of(
                  lr -> 2.3 - 2 / (1 + Math.pow(1e-3 / lr, 2)) + Math.pow(Math.max(lr, 0.3), 3)));

  private Answer with(SuggestionRule rule) {
    return Answer.to(found.settings(), found.results(), found.endReason(), found.groups(), rule);
  }

  private static SuggestionRule saying(Pick pick) {
    return SuggestionRule.of("own", (curve, settings) -> Optional.of(pick));
  }

  @Test
  void aStoredCurveIsJudgedWithoutASweepLikeTheOneThatWasSwept() {
    Answer answer = with(new MiddleOfFall());
    assertThat(answer.status()).isEqualTo(found.status()).isEqualTo(Status.OK);
    assertThat(answer.rule()).isEqualTo(found.rule());
    assertThat(answer.suggestions()).isEqualTo(found.suggestions());
    assertThat(answer.suggestion()).isPresent().isEqualTo(found.suggestion());
    assertThat(answer.cyclicRange()).isPresent().isEqualTo(found.cyclicRange());
    assertThat(answer.largestStableLr()).isPresent().isEqualTo(found.largestStableLr());
    assertThat(answer.agreement()).isPresent().isEqualTo(found.agreement());
    assertThat(answer.warnings()).isEqualTo(found.warnings());
  }

  @Test
  void whatFollowsFromACurveThatIsKnownAlreadyIsWhatTheRuleSaysAlone() {
    Pick alone = new MiddleOfFall().pick(found.results(), found.settings()).orElseThrow();
    assertThat(with(SuggestionRules.named("valley")).suggestion("default").orElseThrow().lr())
        .isEqualTo(alone.lr());
  }

  @Test
  void aCurveWithoutAPointHasAStatusAndNoSuggestion() {
    Curve empty = new Curve(new double[0], new double[0], new double[0]);
    Answer answer =
        Answer.to(
            SweepSettings.DEFAULTS,
            empty,
            EndReason.CANCELLED,
            List.of(GroupRate.swept(1)),
            new Steepest());
    assertThat(answer.status()).isEqualTo(Status.TOO_FEW_POINTS);
    assertThat(answer.suggestions()).isEmpty();
    assertThat(answer.warnings())
        .containsExactly("the sweep ended after 0 of 100 steps: cancelled");
  }

  @Test
  void aRuleOfTheUsersMayPickOutsideTheCurveAndIsMovedToItsEndWithAWarning() {
    Answer answer = with(saying(Pick.of(100)));
    double last = found.results().rate(found.results().size() - 1);
    assertThat(answer.suggestion().orElseThrow().lr()).isEqualTo(last);
    assertThat(answer.warnings())
        .contains(
            "rule own: 1.00e+02 lies outside the swept rates, whose end %.2e stands for it"
                .formatted(last));
  }

  @Test
  void whatARuleOfTheUsersSaysItselfOfItsPickIsTheWarning() {
    Answer answer = with(saying(new Pick(100, "a guess")));
    assertThat(answer.warnings())
        .contains("rule own: a guess")
        .noneMatch(warning -> warning.contains("outside"));
    assertThat(with(saying(Pick.of(1e-3))).warnings()).noneMatch(w -> w.startsWith("rule own"));
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.suggestion.Agreement;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.Digits;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Several sweeps for one answer: other ranges, more steps, repeats. */
class SearchTest {
  private static LrFinderResult digits(
      EngineChoice engine, OptimizerSpec kind, LrFinder.Builder finder, int... hidden) {
    SequentialImpl network = Digits.network(hidden);
    Optimizer optimizer = kind.over(network);
    TensorBatches batches = Digits.batches();
    ModelState before = ModelState.of(network, optimizer);
    LrFinderResult found =
        finder.engine(engine).build().find(network, optimizer, Loss.CROSS_ENTROPY, batches);
    before.assertUnchangedIn(ModelState.of(network, optimizer));
    return found;
  }

  @OnEachEngine
  void aRangeThatEndsTooEarlyIsRaisedWithAsManyStepsInADecade(EngineChoice engine) {
    LrFinderResult found =
        digits(
            engine,
            OptimizerSpec.ADAMW,
            LrFinder.builder().minLr(1e-7).maxLr(1e-3).autoRange(true),
            64,
            64);
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.attempts())
        .extracting(Attempt::minLr, Attempt::steps, Attempt::endReason, Attempt::status)
        .containsExactly(tuple(1e-7, 100, EndReason.COMPLETED, Status.STILL_FALLING));
    assertThat(found.settings().minLr()).isEqualTo(1e-7);
    assertThat(found.settings().maxLr()).isCloseTo(0.1, within(1e-12));
    assertThat(found.settings().steps()).isEqualTo(150);
    assertThat(found.attempts().get(0).words())
        .isEqualTo(
            "1e-07 to 1e-03 in 100 steps: the loss was still falling at the last rate: sweep to a higher one");
  }

  @OnEachEngine
  void aRangeThatStartsTooHighIsLowered(EngineChoice engine) {
    LrFinderResult found =
        digits(
            engine,
            OptimizerSpec.SGD,
            LrFinder.builder().minLr(10).maxLr(1e4).autoRange(true),
            64,
            64);
    assertThat(found.attempts())
        .extracting(Attempt::status)
        .containsExactly(Status.STARTED_DIVERGED);
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.settings().minLr()).isCloseTo(1e-3, within(1e-12));
    assertThat(found.suggestion().orElseThrow().lr()).isBetween(0.02, 3.0);
  }

  @OnEachEngine
  void aFewStepsShowWhereACloserSweepIsToLook(EngineChoice engine) {
    LrFinder.Builder finder = LrFinder.builder().minLr(1e-7).maxLr(10).steps(60).autoSteps(true);
    LrFinderResult found = digits(engine, OptimizerSpec.ADAMW, finder, 64, 64);
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.attempts())
        .extracting(Attempt::minLr, Attempt::maxLr, Attempt::steps, Attempt::status)
        .containsExactly(tuple(1e-7, 10.0, 60, Status.OK));
    assertThat(found.attempts().get(0).words())
        .isEqualTo("1e-07 to 1e+01 in 60 steps: the loss fell, so that a closer look followed");
    assertThat(found.settings().steps()).isEqualTo(140);
    assertThat(found.settings().minLr()).isGreaterThan(1e-6);
    double lr = found.suggestion().orElseThrow().lr();
    assertThat(lr / found.settings().minLr()).isGreaterThan(20);
    assertThat(found.settings().maxLr() / lr).isGreaterThan(5);
    assertThat(found.suggestion().orElseThrow().interval().orElseThrow().decades()).isLessThan(1.2);
  }

  /** Noise, or a network that learns late in few steps, puts the first sweep's fall too high. */
  @Test
  void aCloserLookThatBeganInTheFallIsFollowedByOneThatBeginsBelow() {
    int[] sweeps = {0};
    StepFunction step =
        StepFunction.of(
            lr -> {
              double x = Math.log10(lr);
              double fall = 1 / (1 + Math.exp(8 * ((sweeps[0] == 1 ? -1 : -2.6) - x)));
              return 2 - fall + Math.max(0, 9 * x);
            },
            () -> sweeps[0]++,
            () -> {});
    LrFinderResult found =
        LrFinder.builder().minLr(1e-7).maxLr(10).steps(60).autoSteps(true).build().find(step);
    assertThat(found.attempts())
        .extracting(Attempt::steps, Attempt::status)
        .containsExactly(tuple(60, Status.OK), tuple(140, Status.OK));
    assertThat(Math.log10(found.attempts().get(1).minLr())).isCloseTo(-3, within(0.2));
    assertThat(Math.log10(found.settings().minLr())).isCloseTo(-4.5, within(0.3));
    assertThat(found.settings().steps()).isEqualTo(140);
    Suggestion suggestion = found.suggestion().orElseThrow();
    assertThat(Math.log10(suggestion.lr())).isBetween(-2.6, -1.5);
    // The first sweep said something else, which is not forgotten.
    assertThat(suggestion.interval().orElseThrow().low()).isLessThan(suggestion.lr());
    assertThat(suggestion.interval().orElseThrow().high()).isGreaterThan(0.06);
  }

  @Test
  void anotherRuleIsNotAskedMoreClosely() {
    LrFinder.Builder finder =
        LrFinder.builder().minLr(1e-7).maxLr(10).steps(60).autoSteps(true).rule("minimum");
    assertThat(digits(EngineChoice.AUTO, OptimizerSpec.ADAMW, finder, 64, 64).attempts()).isEmpty();
  }

  @Test
  void anAnswerIsNotLostToACloserLookThatRanOutOfTimeButACancelledSearchIsCancelled() {
    int[] steps = {0};
    LrFinder.Builder finder = LrFinder.builder().minLr(1e-7).maxLr(10).steps(60).autoSteps(true);
    LrFinderResult found =
        digits(
            EngineChoice.AUTO,
            OptimizerSpec.ADAMW,
            finder
                .maxDuration(Duration.ofSeconds(2))
                .listener(step -> pause(++steps[0] > 80 ? Duration.ofSeconds(3) : Duration.ZERO)),
            64,
            64);
    assertThat(found.suggestion()).isPresent();
    assertThat(found.attempts()).isEmpty();
    assertThat(found.settings().steps()).isEqualTo(60);
    assertThat(found.warnings())
        .anySatisfy(words -> assertThat(words).startsWith("a closer look ended after "));

    int[] seen = {0};
    LrFinderResult cancelled =
        digits(
            EngineChoice.AUTO,
            OptimizerSpec.ADAMW,
            LrFinder.builder()
                .minLr(1e-7)
                .maxLr(10)
                .steps(60)
                .autoSteps(true)
                .listener(step -> seen[0]++)
                .cancelIf(() -> seen[0] > 80),
            64,
            64);
    assertThat(cancelled.endReason()).isEqualTo(EndReason.CANCELLED);
    assertThat(cancelled.attempts()).extracting(Attempt::status).containsExactly(Status.OK);
  }

  private static void pause(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Flat as long as it is short: more steps show the fall that noise hid. */
  @Test
  void aSweepThatShowsNoFallIsExtendedOnceThenWidened() {
    LrFinderResult found =
        LrFinder.builder()
            .minLr(1e-7)
            .maxLr(0.1)
            .autoRange(true)
            .autoSteps(true)
            .build()
            .find(StepFunction.of(lr -> 2.3));
    assertThat(found.attempts())
        .extracting(Attempt::steps, Attempt::maxLr)
        .startsWith(tuple(100, 0.1), tuple(200, 0.1));
    assertThat(found.attempts().get(2).maxLr()).isCloseTo(10, within(1e-12));
    assertThat(found.attempts().get(2).steps()).isEqualTo(267);
    assertThat(found.status()).isEqualTo(Status.FLAT_NOISE);
    assertThat(found.settings().maxLr()).isCloseTo(1000, within(1e-9));
  }

  @Test
  void theBudgetIsNotExceeded() {
    Map<Integer, Integer> taken = // by budget: twice the steps, or else two decades more
        Map.of(1, 100, 100, 100, 299, 233, 300, 300, 566, 300, 567, 567);
    taken.forEach(
        (budget, expected) -> {
          int[] steps = {0};
          LrFinder.builder()
              .minLr(1e-7)
              .maxLr(0.1)
              .autoRange(true)
              .autoSteps(true)
              .autoBudget(budget)
              .listener(step -> steps[0]++)
              .build()
              .find(StepFunction.of(lr -> 2.3));
          assertThat(steps[0]).as("budget %d", budget).isEqualTo(expected);
        });
    assertThatThrownBy(() -> LrFinder.builder().autoBudget(0).build())
        .hasMessage("autoBudget is 0, but must be at least 1");
  }

  /** The loss doubles in each step, whatever the rate: there is no range that helps. */
  private static StepFunction hopeless() {
    double[] loss = {1};
    return StepFunction.of(lr -> loss[0] *= 2, () -> loss[0] = 1, () -> {});
  }

  private static List<Double> minima(LrFinderResult found) {
    List<Double> minima = new ArrayList<>();
    found.attempts().forEach(attempt -> minima.add(attempt.minLr()));
    minima.add(found.settings().minLr());
    return minima;
  }

  @Test
  void aRangeIsLoweredTwiceAtTheMostAndNeverBelowAMillionMillionth() {
    LrFinder.Builder finder = LrFinder.builder().maxLr(1).autoRange(true).autoBudget(10_000);
    Comparator<Double> rounding = (a, b) -> Math.abs(Math.log10(a / b)) < 1e-9 ? 0 : 1;
    assertThat(minima(finder.minLr(1e-2).build().find(hopeless())))
        .usingElementComparator(rounding)
        .containsExactly(1e-2, 1e-6, 1e-10);
    assertThat(minima(finder.minLr(1e-7).build().find(hopeless())))
        .usingElementComparator(rounding)
        .containsExactly(1e-7, 1e-11, 1e-12);
    assertThat(minima(finder.minLr(1e-12).build().find(hopeless()))).containsExactly(1e-12);
  }

  @Test
  void whereNoStepCanDivergeMoreStepsComeBeforeALowerRange() {
    LrFinder.Builder finder = LrFinder.builder().maxLr(1).autoRange(true).autoSteps(true);
    LrFinderResult found = finder.minLr(1e-7).autoBudget(10_000).build().find(hopeless());
    assertThat(found.attempts())
        .extracting(Attempt::minLr, Attempt::steps)
        .startsWith(tuple(1e-7, 100), tuple(1e-7, 200));
    assertThat(minima(found).get(2)).isLessThan(1e-7);
    assertThat(minima(finder.minLr(1e-6).build().find(hopeless())).get(1)).isLessThan(1e-6);
  }

  @Test
  void aSweepThatEndsAtOnceIsNotFree() {
    LrFinder.Builder finder = LrFinder.builder().minLr(1e-2).maxLr(1).autoRange(true);
    assertThat(finder.autoBudget(149).build().find(hopeless()).attempts()).isEmpty();
    assertThat(finder.autoBudget(150).build().find(hopeless()).attempts()).hasSize(1);
  }

  @Test
  void aSuggestionFarBelowTheRangeThatWasAskedForSaysSo() {
    LrFinder.Builder finder = LrFinder.builder().maxLr(1).autoRange(true).autoBudget(10_000);
    LrFinderResult far = finder.minLr(1e-5).build().find(ConfidentAnswerTest.quadratic(5, 1e10));
    assertThat(far.status()).isEqualTo(Status.OK);
    assertThat(far.suggestion().orElseThrow().lr()).isLessThan(1e-9);
    assertThat(far.warnings())
        .anyMatch(words -> words.contains("more than three decades below the range"));
    LrFinderResult near = finder.minLr(1e-8).build().find(ConfidentAnswerTest.quadratic(5, 1e8));
    assertThat(near.status()).isEqualTo(Status.OK);
    assertThat(near.warnings())
        .noneMatch(words -> words.contains("more than three decades below the range"));
  }

  /** A fall that noise drowns: higher rates would only add to it. */
  @Test
  void aDoubtfulFallIsSweptInMoreStepsAndNotFurtherUp() {
    int doubtful = 0;
    int far = 0;
    for (long seed = 1; seed <= 100; seed++) {
      LrFinderResult found =
          LrFinder.builder()
              .minLr(1e-7)
              .maxLr(10)
              .autoRange(true)
              .autoSteps(true)
              .build()
              .find(ConfidentAnswerTest.logisticRegression(seed, 1, 0.1));
      for (Attempt attempt : found.attempts()) {
        if (attempt.status() == Status.FLAT_NOISE && attempt.steps() == 200) {
          doubtful += found.settings().maxLr() <= 10 ? 1 : 0;
        }
      }
      // Trained, 0.1 is best.
      far +=
          found.suggestion().filter(s -> Math.abs(Math.log10(s.lr() / 0.1)) > 1.5).isPresent()
              ? 1
              : 0;
    }
    assertThat(doubtful).isPositive();
    assertThat(far).isLessThanOrEqualTo(2);
  }

  @Test
  void aStepFunctionThatRestoresNothingWarnsOfFurtherSweeps() {
    String words = "the step function restores nothing";
    StepFunction without = StepFunction.of(lr -> 2.3);
    StepFunction with = StepFunction.of(lr -> 2.3, () -> {}, () -> {});
    LrFinder retries = LrFinder.builder().autoSteps(true).build();
    assertThat(retries.find(without).warnings()).anyMatch(w -> w.startsWith(words));
    LrFinderResult repeated = LrFinder.builder().repeats(2).build().find(without);
    assertThat(repeated.warnings()).anyMatch(w -> w.startsWith(words));
    assertThat(repeated.repeats()).isPresent();
    assertThat(retries.find(with).warnings()).noneMatch(w -> w.startsWith(words));
    assertThat(LrFinder.builder().build().find(without).warnings())
        .noneMatch(w -> w.startsWith(words));
  }

  @Test
  void withoutBeingAskedThereIsOneSweep() {
    int[] steps = {0};
    LrFinderResult found =
        LrFinder.builder().listener(step -> steps[0]++).build().find(StepFunction.of(lr -> 2.3));
    assertThat(steps[0]).isEqualTo(100);
    assertThat(found.attempts()).isEmpty();
    assertThat(found.repeats()).isEmpty();
  }

  @Test
  void aLinearSweepIsWidenedByItsOwnMeasure() {
    double[] loss = {5};
    LrFinderResult found =
        LrFinder.builder()
            .mode(ScheduleMode.LINEAR)
            .minLr(0)
            .maxLr(1e-2)
            .autoRange(true)
            .autoBudget(350)
            .build()
            .find(StepFunction.of(lr -> loss[0] -= lr, () -> {}, () -> loss[0] = 5));
    assertThat(found.attempts()).hasSize(1);
    assertThat(found.settings().maxLr()).isCloseTo(0.02, within(1e-12));
    assertThat(found.settings().steps()).isEqualTo(200);
  }

  @Test
  void aSweepThatIsCancelledOrOutOfDataIsNotDoneAgain() {
    int[] steps = {0};
    LrFinderResult cancelled =
        LrFinder.builder()
            .autoRange(true)
            .autoSteps(true)
            .repeats(3)
            .cancelIf(() -> steps[0] >= 50)
            .listener(step -> steps[0]++)
            .build()
            .find(StepFunction.of(lr -> 2.3));
    assertThat(steps[0]).isEqualTo(50);
    assertThat(cancelled.attempts()).isEmpty();
    assertThat(cancelled.warnings()).contains("the sweep ended after 50 of 100 steps: cancelled");
  }

  @OnEachEngine
  void repeatsStartFromTheSameSnapshotOverOtherBatches(EngineChoice engine) {
    int[] sweeps = {0};
    Set<Double> sums = new HashSet<>();
    SequentialImpl network = Digits.network(64, 64);
    Optimizer optimizer = OptimizerSpec.ADAMW.over(network);
    Iterable<Batch> watched =
        () ->
            new Iterator<>() {
              private final Iterator<Batch> inner = Digits.batches().iterator();

              @Override
              public boolean hasNext() {
                return inner.hasNext();
              }

              @Override
              public Batch next() {
                Batch batch = inner.next();
                sums.add(batch.input().sum().item_double());
                return batch;
              }
            };
    LrFinderResult found =
        LrFinder.builder()
            .engine(engine)
            .minLr(1e-7)
            .maxLr(10)
            .steps(50)
            .repeats(5)
            .listener(step -> sweeps[0] += step.index() == 0 ? 1 : 0)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, watched);

    Repeats repeats = found.repeats().orElseThrow();
    assertThat(sweeps[0]).isEqualTo(5);
    assertThat(repeats.sweeps()).hasSize(5);
    // An epoch has 56 batches: a sweep of 50 steps does not start where the one before did.
    assertThat(repeats.sweeps().stream().map(sweep -> sweep.curve().losses()[0]))
        .doesNotHaveDuplicates();
    assertThat(sums).hasSizeGreaterThan(50); // and two batches of the same sum
    // From the same weights: the first loss is near ln 10 each time.
    assertThat(repeats.sweeps())
        .allSatisfy(sweep -> assertThat(sweep.curve().losses()[0]).isCloseTo(2.3, within(0.15)));
    double[] suggested = repeats.suggested();
    assertThat(suggested).hasSizeGreaterThan(2).isSorted();
    double median = suggested[(suggested.length - 1) / 2];
    assertThat(repeats.median()).hasValue(median);
    assertThat(found.suggestion().map(Suggestion::lr)).contains(median);
    assertThat(repeats.spread().orElseThrow())
        .isBetween(0.0, Math.log10(suggested[suggested.length - 1] / suggested[0]));
    assertThat(found.plot(true).chart().getSeriesMap()).containsKeys("repeats' quartiles", "trend");
  }

  @Test
  void anUnsureMajorityHasNoSuggestionAndWideRepeatsWarn() {
    int[] sweep = {-1};
    double[] weight = {0};
    // Every other sweep learns a hundred times faster.
    StepFunction step =
        StepFunction.of(
            lr -> {
              double loss = weight[0] * weight[0];
              weight[0] -= (sweep[0] % 2 == 1 ? 10 : 0.1) * lr * weight[0];
              return loss;
            },
            () -> {
              sweep[0]++;
              weight[0] = 5;
            },
            () -> {});
    LrFinderResult found =
        LrFinder.builder().minLr(1e-7).maxLr(1000).steps(200).repeats(4).build().find(step);
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.warnings())
        .anySatisfy(
            words ->
                assertThat(words)
                    .matches("the suggestions of the repeats lie \\d\\.\\d decades apart.*"));

    sweep[0] = -1;
    LrFinderResult unsure =
        LrFinder.builder()
            .repeats(3)
            .build()
            .find(
                StepFunction.of(
                    lr -> sweep[0] == 0 ? Math.exp(-1e3 * lr) : 2.3, () -> sweep[0]++, () -> {}));
    assertThat(unsure.status()).isEqualTo(Status.FLAT_NOISE);
    assertThat(unsure.suggestion()).isEmpty();
    assertThatThrownBy(() -> LrFinder.builder().repeats(0).build())
        .hasMessage("repeats is 0, but must be at least 1");
  }

  @Test
  void anAnswerHasARangeALargestStableRateAndAnAgreement() {
    LrFinderResult found =
        digits(
            EngineChoice.AUTO,
            OptimizerSpec.ADAMW,
            LrFinder.builder().minLr(1e-7).maxLr(10).groupRatios(0.5),
            64,
            64);
    Suggestion suggestion = found.suggestion().orElseThrow();
    assertThat(found.cyclicRange().orElseThrow().base())
        .isCloseTo(suggestion.lr() / 3, within(1e-15));
    assertThat(found.cyclicRange().orElseThrow().max())
        .isCloseTo(suggestion.lr() * 3, within(1e-15));
    assertThat(found.largestStableLr().orElseThrow())
        .isBetween(suggestion.lr(), found.results().rates()[found.results().size() - 1]);
    assertThat(found.suggestions())
        .allSatisfy(s -> assertThat(s.perGroup()).containsExactly(0.5 * s.lr()));
    assertThat(found.perGroup(0.1)).containsExactly(0.05);
    Agreement agreement = found.agreement().orElseThrow();
    assertThat(agreement.rules()).isEqualTo(6);
    double[] others =
        found.suggestions().stream().skip(1).mapToDouble(Suggestion::lr).sorted().toArray();
    assertThat(agreement.decades()).isCloseTo(Math.log10(others[5] / others[0]), within(1e-12));
    assertThat(agreement.near())
        .isEqualTo(
            (int)
                Arrays.stream(others)
                    .filter(lr -> lr >= suggestion.lr() / 3 && lr <= suggestion.lr() * 3)
                    .count());
    assertThat(found.suggestion("steepest")).isPresent();
    assertThat(found.suggestion("no such rule")).isEmpty();
  }
}

package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;

/** What holds on every curve. */
class RulePropertiesTest {
  private static final double MIN = 1e-7;
  private static final double MAX = 10;
  private static final SuggestionRule DEFAULT = new MiddleOfFall();

  private static SweepSettings settings(int steps) {
    return SweepSettings.builder().minLr(MIN).maxLr(MAX).steps(steps).build();
  }

  private static Curve curve(ScheduleMode mode, double[] losses, double[] smoothed) {
    double[] rates = new double[losses.length];
    Arrays.setAll(
        rates, i -> mode.rate(mode == ScheduleMode.LINEAR ? 0 : MIN, MAX, rates.length, i));
    return new Curve(rates, losses, smoothed);
  }

  private static Curve curve(double... losses) {
    return curve(ScheduleMode.EXPONENTIAL, losses, losses);
  }

  private static Status status(Curve curve, SweepSettings settings) {
    return Answer.to(settings, curve, EndReason.COMPLETED, List.of(), DEFAULT).status();
  }

  /** Around, below and far from zero, equal ones, spikes, and what is no number. */
  @Provide
  Arbitrary<double[]> anyLosses() {
    Arbitrary<Double> loss =
        Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(12, Arbitraries.doubles().between(-3, 3)),
            net.jqwik.api.Tuple.of(6, Arbitraries.of(-1.0, -0.0, 0.0, 0.5, 1.0, 2.0)),
            net.jqwik.api.Tuple.of(2, Arbitraries.doubles()),
            net.jqwik.api.Tuple.of(
                1,
                Arbitraries.of(
                    Double.NaN,
                    Double.POSITIVE_INFINITY,
                    Double.NEGATIVE_INFINITY,
                    Double.MAX_VALUE,
                    -Double.MAX_VALUE,
                    Double.MIN_VALUE)));
    return loss.list()
        .ofMinSize(3)
        .ofMaxSize(150)
        .map(list -> list.stream().mapToDouble(Double::doubleValue).toArray());
  }

  @Property
  void noRuleReturnsNaNOrARateOutsideTheSweptOnes(
      @ForAll("anyLosses") double[] losses,
      @ForAll ScheduleMode mode,
      @ForAll boolean averaged,
      @ForAll @IntRange(min = 3, max = 300) int steps) {
    Curve curve = curve(mode, losses, averaged ? average(losses) : losses);
    double first = curve.rate(0);
    double last = curve.rate(curve.size() - 1);
    Stream.concat(
            SuggestionRules.all().stream(),
            Stream.of(new Steepest(0, 0, Steepest.Spacing.RATE), new Steepest(0, 0)))
        .forEach(
            rule -> {
              Optional<Pick> pick = rule.pick(curve, settings(steps));
              pick.ifPresent(
                  p -> {
                    assertThat(p.lr()).as(rule.name()).isBetween(first, last);
                    if (p.warning() != null) {
                      assertThat(p.lr()).as(rule.name()).isIn(first, last);
                    }
                  });
            });
    assertThat(status(curve, settings(steps))).isNotNull();
  }

  @Property
  void aRateOutsideIsClampedWithAWarning(@ForAll @DoubleRange(min = -1, max = 100) double lr) {
    Pick pick = Pick.of(lr).within(curve(3, 2, 1));
    assertThat(pick.lr()).isEqualTo(Math.min(Math.max(lr, MIN), MAX));
    assertThat(pick.warning() != null).isEqualTo(lr < MIN * (1 - 1e-9) || lr > MAX * (1 + 1e-9));
  }

  /** Losses, scales and shifts that floating point can hold: equal to the last bit. */
  @Property
  void theDefaultDoesNotMoveWithTheLossesUnit(
      @ForAll @Size(min = 3, max = 150) List<@IntRange(min = -3000, max = 3000) Integer> list,
      @ForAll @IntRange(min = -20, max = 20) int exponent,
      @ForAll @IntRange(min = -1_000_000, max = 1_000_000) int shift) {
    double[] losses = list.stream().mapToDouble(i -> i / 1024.0).toArray();
    double[] moved =
        Arrays.stream(losses).map(loss -> Math.scalb(loss + shift / 1024.0, exponent)).toArray();
    assertThat(DEFAULT.pick(curve(moved), settings(100)))
        .isEqualTo(DEFAULT.pick(curve(losses), settings(100)));
    assertThat(status(curve(moved), settings(100))).isEqualTo(status(curve(losses), settings(100)));
  }

  /** A fall and, mostly, a divergence, with noise. */
  @Provide
  Arbitrary<double[]> sweeps() {
    return Combinators.combine(
            Arbitraries.integers().between(40, 300),
            Arbitraries.doubles().between(0.3, 0.8).ofScale(4),
            Arbitraries.doubles().between(0.75, 1.2).ofScale(4),
            Arbitraries.doubles().between(0.001, 0.1).ofScale(4),
            Arbitraries.longs())
        .as(
            (steps, middle, end, noise, seed) -> {
              Random random = new Random(seed);
              return IntStream.range(0, steps)
                  .mapToDouble(
                      i -> {
                        double x = i / (steps - 1.0);
                        double fall = 2 / (1 + Math.exp(-30 * (x - middle)));
                        double rise = x > end ? Math.exp(40 * (x - end)) - 1 : 0;
                        return 2.3 - fall + rise + noise * random.nextGaussian();
                      })
                  .toArray();
            });
  }

  @Property
  void theCyclicRangeEndsAtTheLargestStableRate(
      @ForAll("sweeps") double[] losses, @ForAll ScheduleMode mode) {
    int[] step = {0};
    LrFinderResult found =
        LrFinder.builder()
            .minLr(MIN)
            .maxLr(MAX)
            .mode(mode)
            .steps(losses.length)
            .build()
            .find(StepFunction.of(lr -> losses[step[0]++]));
    found
        .cyclicRange()
        .ifPresent(
            range -> {
              double lr = found.suggestion("middle-of-fall").orElseThrow().lr();
              assertThat(range.base()).isEqualTo(lr / 3);
              assertThat(range.max())
                  .isEqualTo(Math.min(3 * lr, found.largestStableLr().orElseThrow()))
                  .isGreaterThanOrEqualTo(lr);
            });
  }

  @Property
  void theDefaultDoesNotMoveWithAnyScaleAndShift(
      @ForAll("sweeps") double[] losses,
      @ForAll @DoubleRange(min = -4, max = 4) double exponent,
      @ForAll @DoubleRange(min = -100, max = 100) double shift) {
    double scale = Math.pow(10, exponent);
    double[] moved = Arrays.stream(losses).map(loss -> (loss + shift) * scale).toArray();
    double lr = DEFAULT.pick(curve(losses), settings(losses.length)).orElseThrow().lr();
    assertThat(DEFAULT.pick(curve(moved), settings(losses.length)).orElseThrow().lr() / lr)
        .isCloseTo(1, within(1e-9));
  }

  @Property
  void toTheDefaultWhatIsNoNumberIsAMissingPoint(
      @ForAll("sweeps") double[] losses,
      @ForAll @Size(max = 10) List<@IntRange(min = 1, max = 38) Integer> where,
      @ForAll boolean infinite) {
    double[] holed = losses.clone();
    where.forEach(i -> holed[i] = infinite ? Double.POSITIVE_INFINITY : Double.NaN);
    Curve whole = curve(holed);
    int[] left = IntStream.range(0, holed.length).filter(i -> Double.isFinite(holed[i])).toArray();
    double[] rest = IntStream.of(left).mapToDouble(i -> holed[i]).toArray();
    Curve without = new Curve(IntStream.of(left).mapToDouble(whole::rate).toArray(), rest, rest);
    assertThat(DEFAULT.pick(whole, settings(holed.length)))
        .isEqualTo(DEFAULT.pick(without, settings(holed.length)));
  }

  /** Scales and shifts of one and the same curve, exact in floating point. */
  @Property
  void ofThePublishedRulesOnlySlideDependsOnTheScaleOfACurve(
      @ForAll @Size(min = 3, max = 120) List<@IntRange(min = -3000, max = 3000) Integer> list,
      @ForAll @IntRange(min = -20, max = 20) int exponent,
      @ForAll @IntRange(min = -1_000_000, max = 1_000_000) int shift) {
    double[] losses = list.stream().mapToDouble(i -> i / 1024.0).toArray();
    double[] shifted = Arrays.stream(losses).map(loss -> loss + shift / 1024.0).toArray();
    double[] scaled = Arrays.stream(losses).map(loss -> Math.scalb(loss, exponent)).toArray();
    for (SuggestionRule rule : SuggestionRules.all()) {
      Optional<Pick> pick = rule.pick(curve(losses), settings(100));
      if (!rule.name().equals("steepest-log")) { // uneven spacing rounds
        assertThat(rule.pick(curve(shifted), settings(100))).as(rule.name()).isEqualTo(pick);
      }
      if (!rule.name().equals("slide")) {
        assertThat(rule.pick(curve(scaled), settings(100))).as(rule.name()).isEqualTo(pick);
      }
    }
  }

  @Property
  void valleyIsItsQuadraticDefinition(
      @ForAll @Size(min = 1, max = 120) List<@IntRange(min = -30, max = 30) Integer> list) {
    double[] losses = list.stream().mapToDouble(Integer::doubleValue).toArray();
    assertThat(Valley.index(losses)).isEqualTo(quadraticValley(losses));
  }

  /** Compares every pair; an index of -1 is 0. */
  private static int quadraticValley(double[] losses) {
    int[] longest = new int[losses.length];
    int end = 0;
    for (int i = 0; i < losses.length; i++) {
      longest[i] = 1;
      for (int j = 0; j < i; j++) {
        if (losses[i] < losses[j]) {
          longest[i] = Math.max(longest[i], longest[j] + 1);
        }
      }
      if (longest[i] > longest[end]) {
        end = i;
      }
    }
    int start = longest[end] == 1 ? end : end - longest[end];
    double third = (end - start) / 3.0;
    return Math.max(0, start + (int) third + (int) (third / 2));
  }

  private static double[] average(double[] losses) {
    double[] smoothed = new double[losses.length];
    double average = 0;
    for (int i = 0; i < losses.length; i++) {
      average = 0.98 * average + 0.02 * losses[i];
      smoothed[i] = average / (1 - Math.pow(0.98, i + 1));
    }
    return smoothed;
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Pick;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.testkit.OptimizerSpec;

/** No answer is OK and decades off, on tasks that are mostly noise; counted over many seeds. */
class ConfidentAnswerTest {
  private static final double FAR = 1.5; // decades
  private static final LrFinder FINDER = LrFinder.builder().minLr(1e-7).maxLr(10).build();

  /**
   * The loss does not move at first, and then is all noise: what the first noise looked like was a
   * divergence, and the fall before it one of a hundred-thousandth.
   */
  @ParameterizedTest(name = "{0} flipped, batch {1}")
  @CsvSource({ // best rates found by training, see the benchmark ConfidentAnswers
    "0.1, 1, 0.10, 3", "0.1, 2, 0.18, 3", "0.1, 4, 0.18, 0", "0.1, 8, 0.18, 0",
    "0.1, 16, 0.32, 0", "0.1, 32, 0.56, 0", "0.4, 4, 0.03, 2", "0.4, 8, 0.03, 0",
    "0.4, 16, 0.06, 0", "0.4, 32, 0.10, 0", "0.4, 64, 0.10, 0"
  })
  void weightsThatStartAtZeroAreNoReasonToBeSureOfARateThatIsFarTooLow(
      double flipped, int batch, double best, long allowed) {
    double[] sure =
        LongStream.rangeClosed(1, 100)
            .mapToObj(seed -> FINDER.find(logisticRegression(seed, batch, flipped)))
            .flatMap(found -> found.suggestion().stream())
            .mapToDouble(Suggestion::lr)
            .toArray();
    assertThat(Arrays.stream(sure).filter(lr -> Math.abs(Math.log10(lr / best)) > FAR).count())
        .as("%s", Arrays.toString(sure))
        .isLessThanOrEqualTo(allowed);
    if (flipped == 0.1 && batch >= 8) {
      assertThat(sure).as("what can be told is told").hasSizeGreaterThan(85);
    }
  }

  /** Twenty features, weights zero, plain gradient descent. */
  static StepFunction logisticRegression(long seed, int batch, double flipped) {
    Random random = new Random(seed);
    int features = 20;
    double[] truth = random.doubles(features).map(weight -> weight - 0.5).toArray();
    double[][] inputs = new double[2000][features];
    int[] labels = new int[inputs.length];
    for (int i = 0; i < inputs.length; i++) {
      double score = 0;
      for (int j = 0; j < features; j++) {
        inputs[i][j] = random.nextGaussian();
        score += truth[j] * inputs[i][j];
      }
      labels[i] = (score > 0) != (random.nextDouble() < flipped) ? 1 : -1;
    }
    double[] weights = new double[features];
    return StepFunction.of(
        lr -> {
          double loss = 0;
          double[] gradient = new double[features];
          for (int b = 0; b < batch; b++) {
            int i = random.nextInt(inputs.length);
            double margin = 0;
            for (int j = 0; j < features; j++) {
              margin += labels[i] * weights[j] * inputs[i][j];
            }
            loss += (margin < -30 ? -margin : Math.log1p(Math.exp(-margin))) / batch;
            double slope = -labels[i] / (1 + Math.exp(margin)) / batch;
            for (int j = 0; j < features; j++) {
              gradient[j] += slope * inputs[i][j];
            }
          }
          for (int j = 0; j < features; j++) {
            weights[j] -= lr * gradient[j];
          }
          return loss;
        },
        () -> {},
        () -> Arrays.fill(weights, 0));
  }

  @ParameterizedTest
  @EnumSource(
      value = OptimizerSpec.class,
      names = {"SGD", "ADAMW"})
  void aLastLayerThatStartsAtZeroIsNoReasonEither(OptimizerSpec optimizer) {
    double least = optimizer == OptimizerSpec.SGD ? 1e-2 : 1e-4;
    int sure = 0;
    for (int batch : new int[] {4, 16, 32}) {
      for (long seed = 1; seed <= 20; seed++) {
        LrFinderResult found = zeroHead(optimizer, batch, seed);
        sure += found.suggestion().isPresent() ? 1 : 0;
        found.suggestion().ifPresent(s -> assertThat(s.lr()).isGreaterThan(least));
      }
    }
    assertThat(sure).isGreaterThan(35);
  }

  private static LrFinderResult zeroHead(OptimizerSpec optimizer, int batch, long seed) {
    torch.manual_seed(seed);
    Tensor inputs = torch.randn(2000, 20);
    Tensor truth = torch.rand(20, 1).sub(new Scalar(0.5));
    Tensor flips = torch.rand(2000, 1).lt(new Scalar(0.1));
    Tensor labels = inputs.matmul(truth).gt(new Scalar(0)).logical_xor(flips).view(-1);
    LinearImpl first = new LinearImpl(20, 32);
    ReLUImpl relu = new ReLUImpl();
    LinearImpl head = new LinearImpl(32, 2);
    SequentialImpl network = new SequentialImpl();
    network.push_back(first);
    network.push_back(relu);
    network.push_back(head);
    try (NoGradGuard noGrad = new NoGradGuard()) {
      head.weight().zero_();
      head.bias().zero_();
    }
    return FINDER.find(
        network,
        optimizer.over(network),
        Loss.CROSS_ENTROPY,
        TensorBatches.of(inputs, labels.to(torch.ScalarType.Long), batch).shuffled(seed));
  }

  /** A fall of two and a half decades, whole at {@code end}. */
  private static DoubleUnaryOperator fallUntil(double end) {
    return x -> {
      double share = Math.min(1, Math.max(0, (x - end + 2.5) / 2.5));
      return 1 - share * share * (3 - 2 * share);
    };
  }

  private static Curve curve(int steps, double noise, long seed, DoubleUnaryOperator loss) {
    Random random = new Random(seed);
    double[] rates = IntStream.range(0, steps).mapToDouble(settings(steps)::rate).toArray();
    double[] losses =
        Arrays.stream(rates)
            .map(lr -> loss.applyAsDouble(Math.log10(lr)) + noise * random.nextGaussian())
            .toArray();
    return new Curve(rates, losses, losses);
  }

  private static SweepSettings settings(int steps) {
    return SweepSettings.builder().minLr(1e-7).maxLr(10).steps(steps).build();
  }

  private static long stillFalling(int steps, double noise, DoubleUnaryOperator loss) {
    return LongStream.rangeClosed(1, 100)
        .mapToObj(seed -> curve(steps, noise, seed, loss))
        .map(
            curve ->
                Answer.to(
                        settings(steps), curve, EndReason.COMPLETED, List.of(), new MiddleOfFall())
                    .status())
        .filter(status -> status == Status.STILL_FALLING)
        .count();
  }

  @ParameterizedTest
  @ValueSource(ints = {100, 300, 500})
  void aLevelIsNoFall(int steps) {
    for (double noise : new double[] {0, 0.02, 0.05, 0.1, 0.2}) {
      assertThat(stillFalling(steps, noise, fallUntil(-0.5))).as("%s", noise).isBetween(0L, 3L);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {100, 300, 500})
  void aFallIs(int steps) {
    for (double noise : new double[] {0, 0.02, 0.05}) {
      for (double end : new double[] {1.5, 2, 2.5}) {
        assertThat(stillFalling(steps, noise, fallUntil(end)))
            .as("%s, %s", noise, end)
            .isGreaterThanOrEqualTo(98);
      }
    }
  }

  private static LrFinderResult of(Curve curve) {
    double[] losses = curve.losses();
    int[] step = {0};
    return LrFinder.builder()
        .minLr(1e-7)
        .maxLr(10)
        .steps(curve.size())
        .noEarlyStop()
        .build()
        .find(StepFunction.of(lr -> losses[step[0]++]));
  }

  private static Curve broken(Curve curve, int step) {
    double[] losses = curve.losses();
    losses[step] = Double.NaN;
    return new Curve(curve.rates(), losses, losses);
  }

  @Test
  void aLossThatIsNotFiniteWithoutARiseBeforeIsNeverOkWithoutAWarningThatNamesTheStep() {
    int ok = 0;
    for (long seed = 1; seed <= 100; seed++) {
      for (int step : new int[] {60, 65, 70}) {
        LrFinderResult found = of(broken(curve(100, 0.02, seed, fallUntil(-0.5)), step));
        assertThat(found.endReason()).isEqualTo(EndReason.NON_FINITE);
        assertThat(found.warnings())
            .contains(
                "the loss was not finite at step %d of 100, without a rise before: look at the data of that step"
                    .formatted(step + 1));
        assertThat(found.status()).isIn(Status.OK, Status.NON_FINITE);
        ok += found.status() == Status.OK ? 1 : 0;
      }
    }
    assertThat(ok).isLessThanOrEqualTo(3);
  }

  @Test
  void amongNoiseItIsNotFiniteAndNoDivergence() {
    int others = 0;
    for (long seed = 1; seed <= 200; seed++) {
      for (int step : new int[] {8, 11, 14, 17}) {
        Status status = of(broken(curve(100, 0.3, seed, x -> 2.3), step)).status();
        others += status == Status.NON_FINITE ? 0 : 1;
      }
    }
    assertThat(others).isLessThanOrEqualTo(2);
  }

  @Test
  void aRiseBeforeItIsADivergence() {
    DoubleUnaryOperator diverges =
        x -> fallUntil(-0.5).applyAsDouble(x) + Math.pow(10, 4 * Math.max(0, x)) - 1;
    for (long seed = 1; seed <= 100; seed++) {
      LrFinderResult found = of(broken(curve(100, 0.02, seed, diverges), 94));
      assertThat(found.status()).isEqualTo(Status.OK);
      assertThat(found.warnings()).noneMatch(words -> words.contains("not finite"));
    }
  }

  @Test
  void ofAFewPointsARiseBeforeItIsADivergenceAndNoWordIsSaidOfTheData() {
    double[] losses = {1, 1.1, 2, 1e5, Double.NaN};
    int[] step = {0};
    LrFinderResult found =
        FINDER.find(StepFunction.of(lr -> step[0] < 5 ? losses[step[0]++] : Double.NaN));
    assertThat(found.status()).isEqualTo(Status.STARTED_DIVERGED);
    assertThat(found.warnings()).isEmpty();
  }

  @Test
  void finiteLossesThatAreTooFewAreNotCalledNotFinite() {
    LrFinderResult found =
        LrFinder.builder()
            .mode(ScheduleMode.LINEAR)
            .minLr(0)
            .steps(8)
            .build()
            .find(StepFunction.of(lr -> 1 - lr / 2));
    assertThat(found.status()).isEqualTo(Status.TOO_FEW_POINTS);
  }

  /** Its logarithms are all equal, or nearly so. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void aRangeOfAFewRoundingErrorsIsSwept(int ulps) {
    double max = 1e5 + ulps * Math.ulp(1e5);
    for (ScheduleMode mode : ScheduleMode.values()) {
      LrFinder finder = LrFinder.builder().minLr(1e5).maxLr(max).steps(20).mode(mode).build();
      assertThat(finder.find(StepFunction.of(lr -> 2.3)).suggestion()).isEmpty();
    }
  }

  @Test
  void aRuleOfTheUsersNamedLikeTheLibrarysMayPickAboveTheLargestStableRate() {
    DoubleUnaryOperator diverges =
        x -> fallUntil(-1.5).applyAsDouble(x) + Math.pow(10, 4 * Math.max(0, x + 1)) - 1;
    double[] losses = curve(100, 0.01, 1, diverges).losses();
    int[] step = {0};
    LrFinderResult found =
        LrFinder.builder()
            .minLr(1e-7)
            .maxLr(10)
            .rule(onePoint("middle-of-fall", -1))
            .build()
            .find(StepFunction.of(lr -> losses[step[0]++]));
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.suggestion().orElseThrow().lr())
        .isGreaterThan(found.largestStableLr().orElseThrow());
    assertThat(found.cyclicRange()).isEmpty();
  }

  @Test
  void noiseAloneIsHardlyEverOk() {
    long ok =
        LongStream.rangeClosed(1, 500)
            .filter(seed -> of(curve(100, 0.3, seed, x -> 2.3)).status() != Status.FLAT_NOISE)
            .count();
    assertThat(ok).isLessThanOrEqualTo(10);
  }

  @Test
  void aLowestLossAtTheLastRatesSaysThatHigherOnesWereNotTried() {
    String words = "the loss is lowest among the last rates and was not seen to rise";
    List<String> level = of(curve(100, 0, 1, fallUntil(0.5))).warnings();
    assertThat(level).anyMatch(warning -> warning.startsWith(words));
    DoubleUnaryOperator rises = x -> fallUntil(-0.5).applyAsDouble(x) + Math.max(0, x + 0.5);
    assertThat(of(curve(100, 0, 1, rises)).warnings()).noneMatch(w -> w.startsWith(words));
  }

  /** The first fall, of a thousandth, is what most rules see; a second one is three decades on. */
  @Test
  void anAnswerThatNoOtherRuleIsNearSaysSo() {
    LrFinderResult found =
        LrFinder.builder()
            .minLr(1e-7)
            .maxLr(10)
            .rule(onePoint("first", 0))
            .build()
            .find(quadratic(5, 1));
    assertThat(found.status()).isEqualTo(Status.OK);
    assertThat(found.agreement().orElseThrow().near()).isZero();
    boolean wide = found.agreement().orElseThrow().decades() > 2;
    assertThat(found.warnings().stream().anyMatch(w -> w.startsWith("no other rule is within")))
        .isEqualTo(wide)
        .isTrue();
    assertThat(LrFinder.builder().minLr(1e-7).maxLr(10).build().find(quadratic(5, 1)).warnings())
        .noneMatch(w -> w.startsWith("no other rule is within"));
  }

  /** Picks one point, counted from the first or, if negative, from the end. */
  private static SuggestionRule onePoint(String name, int index) {
    return SuggestionRule.of(
        name,
        (curve, settings) -> Optional.of(Pick.of(curve.rate(Math.floorMod(index, curve.size())))));
  }

  static StepFunction quadratic(double start, double curvature) {
    double[] weight = {start};
    return StepFunction.of(
        lr -> {
          double loss = weight[0] * weight[0];
          weight[0] -= lr * curvature * 2 * weight[0];
          return loss;
        },
        () -> {},
        () -> weight[0] = start);
  }

  /** It took minutes when each point was compared with each other. */
  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void aMillionPointsAreFollowedLikeAThousand() {
    DoubleUnaryOperator diverges =
        x -> fallUntil(-0.5).applyAsDouble(x) + Math.pow(10, 4 * Math.max(0, x)) - 1;
    Descent thousand = Descent.of(curve(1000, 0.05, 1, diverges), settings(1000)).orElseThrow();
    Curve million = curve(1_000_000, 0.05, 1, diverges);
    Descent many = Descent.of(million, settings(1_000_000)).orElseThrow();
    assertThat(many.half()).isCloseTo(thousand.half(), within(0.1));
    assertThat(many.clear()).isTrue();
    assertThat(many.trend().size()).isBetween(1500, 3000);
    assertThat(new MiddleOfFall().pick(million, settings(1_000_000))).isPresent();
  }
}

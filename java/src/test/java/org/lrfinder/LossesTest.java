package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LogSoftmaxImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerSpec;

/** Each built-in loss is the formula of its name, computed here number by number. */
class LossesTest {
  private static final int ROWS = 5;
  private static final int COLUMNS = 3;

  /** Of a prediction's and a target's element, in the mean over elements. */
  private static double ofElement(Loss loss, double y, double t) {
    double distance = Math.abs(y - t);
    return switch (loss) {
      case MSE -> distance * distance;
      case L1 -> distance;
      case SMOOTH_L1, HUBER -> distance < 1 ? distance * distance / 2 : distance - 0.5;
      case BINARY_CROSS_ENTROPY_WITH_LOGITS ->
          Math.log1p(Math.exp(-Math.abs(y))) + Math.max(y, 0) - y * t;
      case KL_DIVERGENCE -> t * (Math.log(t) - y) * COLUMNS; // by rows, not by elements
      default -> throw new IllegalArgumentException(loss.name());
    };
  }

  private static double expected(Loss loss, double[][] y, Tensor target) {
    double sum = 0;
    for (int row = 0; row < ROWS; row++) {
      if (loss == Loss.CROSS_ENTROPY || loss == Loss.NEGATIVE_LOG_LIKELIHOOD) {
        double normalizer =
            loss == Loss.CROSS_ENTROPY
                ? Math.log(Stream.of(y[row]).flatMapToDouble(Arrays::stream).map(Math::exp).sum())
                : 0;
        sum += normalizer - y[row][(int) target.get(row).item_long()];
        continue;
      }
      for (int column = 0; column < COLUMNS; column++) {
        double t = target.get(row).get(column).item_double();
        sum += ofElement(loss, y[row][column], t) / COLUMNS;
      }
    }
    return sum / ROWS;
  }

  static Stream<Arguments> cases() {
    return EnginesUnderTest.stream()
        .flatMap(engine -> Stream.of(Loss.values()).map(loss -> Arguments.of(engine, loss)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void isItsFormula(EngineChoice engine, Loss loss) {
    torch.manual_seed(5);
    SequentialImpl network = network(loss);
    Optimizer optimizer = OptimizerSpec.SGD.over(network);
    Batch batch =
        new Batch(
            Models.keep(torch.randn(ROWS, 4).to(ScalarType.Double)), Models.keep(target(loss)));
    Tensor output = network.forward(batch.input());
    double[][] y = new double[ROWS][COLUMNS];
    for (int row = 0; row < ROWS; row++) {
      for (int column = 0; column < COLUMNS; column++) {
        y[row][column] = output.get(row).get(column).item_double();
      }
    }
    LrFinder finder = finder(engine);

    double[] losses = finder.find(network, optimizer, loss, List.of(batch)).results().losses();

    assertThat(losses[0]).isCloseTo(expected(loss, y, batch.target()), within(1e-12));
    assertThat(losses[losses.length - 1]).isLessThan(losses[0]); // its gradients point downwards
  }

  private static LrFinder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).minLr(1e-3).maxLr(0.01).steps(12).build();
  }

  private static SequentialImpl network(Loss loss) {
    SequentialImpl network = Models.keep(new SequentialImpl());
    network.push_back(Models.keep(new LinearImpl(4, COLUMNS)));
    if (loss == Loss.NEGATIVE_LOG_LIKELIHOOD || loss == Loss.KL_DIVERGENCE) {
      network.push_back(Models.keep(new LogSoftmaxImpl(1)));
    }
    return Models.inDouble(network);
  }

  private static Tensor target(Loss loss) {
    return switch (loss) {
      case CROSS_ENTROPY, NEGATIVE_LOG_LIKELIHOOD ->
          torch.randint(0, COLUMNS, new long[] {ROWS}).to(ScalarType.Long);
      case BINARY_CROSS_ENTROPY_WITH_LOGITS ->
          torch.randint(0, 2, new long[] {ROWS, COLUMNS}).to(ScalarType.Double);
      case KL_DIVERGENCE -> torch.softmax(torch.randn(ROWS, COLUMNS).to(ScalarType.Double), 1);
      default -> torch.randn(ROWS, COLUMNS).to(ScalarType.Double).mul(new Scalar(2.0));
    };
  }

  /** A target of another shape would be broadcast. */
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void refusesTargetsThatDoNotFit(EngineChoice engine, Loss loss) {
    SequentialImpl network = network(loss);
    boolean classes = loss == Loss.CROSS_ENTROPY || loss == Loss.NEGATIVE_LOG_LIKELIHOOD;
    Batch batch =
        new Batch(
            torch.randn(ROWS, 4).to(ScalarType.Double),
            classes
                ? torch.zeros(ROWS + 1).to(ScalarType.Long)
                : torch.zeros(COLUMNS).to(ScalarType.Double));
    Optimizer optimizer = OptimizerSpec.SGD.over(network);
    assertThatThrownBy(() -> finder(engine).find(network, optimizer, loss, List.of(batch)))
        .isInstanceOf(classes ? RuntimeException.class : IllegalArgumentException.class)
        .hasMessageContaining(classes ? "batch" : "this loss needs the same shape");
  }
}

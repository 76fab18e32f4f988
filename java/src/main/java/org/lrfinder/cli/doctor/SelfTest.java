package org.lrfinder.cli.doctor;

import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.models.Network;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.sweep.Loss;

/**
 * A sweep of a small network whose losses are known: two layers with a hyperbolic tangent between
 * them, mean squared error, plain SGD. Data and weights are sines, so that no generator of random
 * numbers is in it.
 */
final class SelfTest {
  static final int ROWS = 32;
  static final int BATCH = 8;
  static final int FEATURES = 8;
  static final int HIDDEN = 16;
  static final int STEPS = 30;
  static final double MIN_LR = 1e-3;
  static final double MAX_LR = 0.3;

  private static final double TOLERANCE = 1e-5; // relative: what float32 rounds in so many steps
  private static final int TIMED_STEPS = 300;
  private static final int TIMED_SWEEPS = 3; // the fastest counts

  /** The losses, computed in double precision by another program than this. */
  static final double[] LOSSES = {
    1.1462513566539032,
    0.8148290268599729,
    0.8958715530686476,
    0.9960537265023569,
    1.0849077342724875,
    0.7615122714381509,
    0.8285032004370856,
    0.8992657123659942,
    0.9634300599653234,
    0.6586573067640864,
    0.7007753646220914,
    0.7223586489725734,
    0.750176773273289,
    0.4877757617278566,
    0.4960656042076654,
    0.46083335844077095,
    0.4599168766451426,
    0.27971676458706385,
    0.2646542694179265,
    0.21471751992151492,
    0.2258685771383352,
    0.14327740128443567,
    0.1388979244610174,
    0.12990546488647778,
    0.15847248519124946,
    0.11260398897693229,
    0.13675252969069485,
    0.13199862799736786,
    0.16014963026190332,
    0.11437789344718784
  };

  private SelfTest() {}

  /**
   * What came of it.
   *
   * @param result the sweep's
   * @param difference the largest of a loss from the stored one, relative to that
   * @param microseconds time of a step
   */
  record Outcome(LrFinderResult result, double difference, double microseconds) {
    boolean isRight() {
      return difference <= TOLERANCE;
    }
  }

  /** {@return the i-th number of a row that is the same everywhere} */
  static float number(int row, int i) {
    return (float) (0.5 * StrictMath.sin(1.7 * i + row));
  }

  private static Tensor tensor(int row, long... shape) {
    int size = 1;
    for (long length : shape) {
      size *= (int) length;
    }
    float[] numbers = new float[size];
    for (int i = 0; i < size; i++) {
      numbers[i] = number(row, i);
    }
    return Tensor.create(numbers, shape);
  }

  /**
   * Sweeps.
   *
   * @param device libtorch's name of a device that is there
   * @throws UnsatisfiedLinkError if the engine cannot be loaded
   */
  static Outcome run(EngineChoice engine, String device) {
    LrFinder.Builder finder =
        LrFinder.builder().engine(engine).minLr(MIN_LR).maxLr(MAX_LR).noEarlyStop();
    try (PointerScope scope = new PointerScope()) {
      Network network =
          Network.parse(
              """
              [{"type": "linear", "in": %d, "out": %d},
               {"type": "tanh"},
               {"type": "linear", "in": %d, "out": 1}]
              """
                  .formatted(FEATURES, HIDDEN, HIDDEN));
      long[][] shapes = {{HIDDEN, FEATURES}, {HIDDEN}, {1, HIDDEN}, {1}};
      for (int i = 0; i < shapes.length; i++) {
        network.module().parameters().get(i).detach().copy_(tensor(i, shapes[i]));
      }
      try (Device there = Devices.of(device)) {
        network.module().to(there, false);
      }
      TensorBatches batches =
          TensorBatches.of(tensor(4, ROWS, FEATURES), tensor(5, ROWS, 1), BATCH);
      SweepTask<?> task =
          SweepTask.of(
                  network.module(),
                  OptimizerKind.SGD.over(network.module().parameters(), MIN_LR, Map.of()),
                  Loss.MSE,
                  batches)
              .device(device);
      LrFinderResult result = finder.steps(STEPS).build().find(task);
      double microseconds = Double.POSITIVE_INFINITY;
      for (int i = 0; i < TIMED_SWEEPS; i++) {
        long start = System.nanoTime();
        finder.steps(TIMED_STEPS).build().find(task);
        microseconds = Math.min(microseconds, (System.nanoTime() - start) / 1e3 / TIMED_STEPS);
      }
      return new Outcome(result, difference(result.results().losses()), microseconds);
    }
  }

  /** {@return the largest of a loss from the stored one, relative to that} */
  static double difference(double[] losses) {
    double largest = losses.length == LOSSES.length ? 0 : Double.POSITIVE_INFINITY;
    for (int i = 0; i < Math.min(losses.length, LOSSES.length); i++) {
      double difference = Math.abs(losses[i] - LOSSES[i]) / LOSSES[i];
      largest = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(largest, difference);
    }
    return largest;
  }
}

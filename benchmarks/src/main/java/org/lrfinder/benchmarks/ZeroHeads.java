package org.lrfinder.benchmarks;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.internal.models.Network;
import org.lrfinder.sweep.Loss;

/**
 * Last layers that start at zero: the losses of the first decades are all the logarithm of the
 * number of classes, and so without the noise that comes later.
 */
final class ZeroHeads {
  private static final double[] FLIPPED = {0.1, 0.4};
  private static final int SEEDS = 100;
  private static final double FAR = 1.5; // decades
  private static final double TOO_LOW = 1e-2;

  // For the best rate, trained on other data than those of the sweeps.
  private static final long FIRST_TRAINED_SEED = 1001;
  private static final int TRAINED_SEEDS = 20;
  private static final int TRAINED_STEPS = 300;
  private static final int RATES_PER_DECADE = 4;
  private static final int LOWEST_DECADE = -4;
  private static final int HIGHEST_DECADE = 1;

  private static final int NETWORK_SEEDS = 20;
  private static final int HIDDEN = 32;
  private static final double ADAMW_TOO_LOW = 1e-4;

  private ZeroHeads() {}

  static String logisticRegression(int steps) {
    StringBuilder table =
        new StringBuilder(
            "| flipped | batch | best rate | OK | below 1e-2 | more than 1.5 decades off | of these with a warning | median | other statuses |\n"
                + "|---|---|---|---|---|---|---|---|---|\n");
    for (double flipped : FLIPPED) {
      for (int batch = 1; batch <= 128; batch *= 2) {
        int size = batch;
        double best = bestRate(flipped, size);
        Answers answers =
            Answers.of(
                SEEDS, seed -> finder(steps).find(LinearModel.twoClasses(seed, flipped, 0, size)));
        table.append(
            Report.format(
                "| %.0f %% | %d | %s | %d | %d | %d | %d | %s | %s |\n",
                100 * flipped,
                batch,
                Answers.rate(best),
                answers.rates().count(),
                answers.rates(lr -> lr < TOO_LOW),
                answers.rates(lr -> isFar(lr, best)),
                answers.warned(lr -> isFar(lr, best)),
                answers.medianRate(),
                answers.others()));
      }
    }
    return table.toString();
  }

  static boolean isFar(double lr, double best) {
    return Math.abs(Math.log10(lr / best)) > FAR;
  }

  private static LrFinder finder(int steps) {
    return LrFinder.builder().minLr(1e-7).maxLr(10).steps(steps).threads(1).build();
  }

  /** Of a grid, the rate with the lowest mean of the final losses. */
  private static double bestRate(double flipped, int batch) {
    double[] rates =
        IntStream.rangeClosed(LOWEST_DECADE * RATES_PER_DECADE, HIGHEST_DECADE * RATES_PER_DECADE)
            .mapToDouble(i -> Math.pow(10, i / (double) RATES_PER_DECADE))
            .toArray();
    double[] losses = new double[rates.length];
    for (int i = 0; i < rates.length; i++) {
      for (int s = 0; s < TRAINED_SEEDS; s++) {
        losses[i] +=
            LinearModel.twoClasses(FIRST_TRAINED_SEED + s, flipped, 0, batch)
                .train(rates[i], TRAINED_STEPS);
      }
    }
    double least = Arrays.stream(losses).min().orElseThrow();
    return rates[
        IntStream.range(0, rates.length).filter(i -> losses[i] == least).findFirst().getAsInt()];
  }

  static String networks(int steps) {
    StringBuilder table =
        new StringBuilder(
            "| last layer | flipped | optimizer | batch | OK | too low | of these with a warning | median | other statuses |\n"
                + "|---|---|---|---|---|---|---|---|---|\n");
    for (boolean zeroed : new boolean[] {true, false}) {
      for (double flipped : FLIPPED) {
        for (boolean adamW : new boolean[] {false, true}) {
          double tooLow = adamW ? ADAMW_TOO_LOW : TOO_LOW;
          for (int batch : new int[] {4, 16, 32}) {
            Answers answers =
                Answers.of(
                    NETWORK_SEEDS,
                    seed -> sweepNetwork(zeroed, flipped, adamW, batch, steps, seed));
            table.append(
                Report.format(
                    "| %s | %.0f %% | %s | %d | %d | %d | %d | %s | %s |\n",
                    zeroed ? "zero" : "default",
                    100 * flipped,
                    adamW ? "AdamW" : "SGD",
                    batch,
                    answers.rates().count(),
                    answers.rates(lr -> lr < tooLow),
                    answers.warned(lr -> lr < tooLow),
                    answers.medianRate(),
                    answers.others()));
          }
        }
      }
    }
    return table.toString();
  }

  private static LrFinderResult sweepNetwork(
      boolean zeroed, double flipped, boolean adamW, int batch, int steps, long seed) {
    LinearModel data = LinearModel.twoClasses(seed, flipped, 0, batch);
    try (PointerScope scope = new PointerScope()) {
      Tensor inputs =
          Tensor.create(
                  Arrays.stream(data.inputs).flatMapToDouble(Arrays::stream).toArray(),
                  data.inputs.length,
                  data.inputs[0].length)
              .to(ScalarType.Float);
      Tensor labels = Tensor.create(data.labels());
      torch.manual_seed(seed);
      SequentialImpl network =
          Network.multilayerPerceptron(data.inputs[0].length, List.of(HIDDEN), 2).module();
      TensorVector parameters = network.parameters();
      if (zeroed) {
        try (NoGradGuard noGrad = new NoGradGuard()) {
          parameters.get(2).zero_(); // the last layer's weight and bias
          parameters.get(3).zero_();
        }
      }
      Optimizer optimizer =
          adamW
              ? new AdamW(parameters, new AdamWOptions(1e-3))
              : new SGD(parameters, new SGDOptions(1e-3));
      return finder(steps)
          .find(
              network,
              optimizer,
              Loss.CROSS_ENTROPY,
              TensorBatches.of(inputs, labels, batch).shuffled(seed));
    }
  }
}

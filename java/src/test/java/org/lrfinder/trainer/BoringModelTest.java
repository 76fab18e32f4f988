package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.sweep.Loss;

/** Lightning's hello-world: a linear layer on noise, one row a batch. */
class BoringModelTest {
  private static final double LR = 0.1;

  private static final class Boring implements Model {
    private final SequentialImpl network = new SequentialImpl();
    private final Iterable<Batch> batches;
    double lr = LR;

    Boring(long seed) {
      torch.manual_seed(seed);
      network.push_back(new LinearImpl(32, 2));
      batches = TensorBatches.of(torch.randn(64, 32), torch.ones(64, 2), 1).shuffled(seed);
    }

    @Override
    public SequentialImpl module() {
      return network;
    }

    @Override
    public Optional<Loss> loss() {
      return Optional.of(Loss.MSE);
    }

    @Override
    public Optimizer configureOptimizers() {
      return new SGD(network.parameters(), new SGDOptions(lr));
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return batches;
    }
  }

  private static double[] found(Trainer.Builder trainer) {
    return LongStream.rangeClosed(1, 100)
        .mapToDouble(
            seed -> {
              Boring model = new Boring(seed);
              trainer
                  .autoLrFind(true)
                  .maxEpochs(0)
                  .logger(MetricsLogger.NONE)
                  .console(new PrintStream(OutputStream.nullOutputStream()))
                  .build()
                  .fit(model);
              return model.lr;
            })
        .filter(lr -> lr != LR)
        .toArray();
  }

  /** 64 steps at 0.03 lower its loss to 0.2, at 0.01 to 0.45. */
  @Test
  void itGetsARateThatTrainsItAndNoneThatDoesNot() {
    double[] rates = found(Trainer.builder());
    assertThat(rates).hasSizeGreaterThanOrEqualTo(60);
    assertThat(Arrays.stream(rates).sorted().toArray()[rates.length / 2]).isBetween(0.01, 0.04);
    for (double lr : rates) {
      assertThat(lr).isGreaterThan(1e-4);
    }
  }

  @Test
  void aSingleSweepOfLightningsHasNoAnswerForIt() {
    assertThat(found(Trainer.builder().lrFindRetries(false))).hasSizeLessThan(10);
  }
}

package org.lrfinder.benchmarks;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.sweep.Loss;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;
import org.lrfinder.trainer.TrainerListener;

/**
 * What Lightning's tests train: one linear layer from 32 inputs to 2 outputs that are to be 1, 64
 * rows of random data, one row a batch, SGD.
 */
final class BoringModel implements Model {
  private static final int SEEDS = 100;
  private static final double TOO_LOW = 1e-4;
  private static final int ROWS = 64;
  private static final int INPUTS = 32;
  private static final int OUTPUTS = 2;

  double lr = 0.1; // what the finder sets

  private final SequentialImpl network = new SequentialImpl();
  private final LinearImpl layer;
  private final Iterable<Batch> batches;

  BoringModel(long seed) {
    torch.manual_seed(seed);
    layer = new LinearImpl(INPUTS, OUTPUTS);
    network.push_back(layer);
    batches = TensorBatches.of(torch.randn(ROWS, INPUTS), torch.ones(ROWS, OUTPUTS), 1);
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

  /** What {@code autoLrFind(true)} says, with all settings as they are. */
  static String table() {
    List<LrFinderResult> results = new ArrayList<>();
    PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
    for (long seed = 1; seed <= SEEDS; seed++) {
      try (PointerScope scope = new PointerScope()) {
        Trainer.builder()
            .autoLrFind(true)
            .maxEpochs(0)
            .threads(1)
            .console(nowhere)
            .logger(MetricsLogger.NONE)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onLearningRateFound(LrFinderResult found) {
                    results.add(found);
                  }
                })
            .build()
            .fit(new BoringModel(seed));
      }
    }
    Answers answers = new Answers(results);
    double[] rates = answers.rates().toArray();
    return Report.format(
        "| seeds | get a rate | lowest | median | highest | below 1e-4 | of these with a warning | most sweeps | other statuses |\n"
            + "|---|---|---|---|---|---|---|---|---|\n| %d | %d | %s | %s | %s | %d | %d | %d | %s |\n",
        answers.size(),
        rates.length,
        rates.length == 0 ? "-" : Answers.rate(Summary.of(rates).min()),
        answers.medianRate(),
        rates.length == 0 ? "-" : Answers.rate(Summary.of(rates).max()),
        answers.rates(lr -> lr < TOO_LOW),
        answers.warned(lr -> lr < TOO_LOW),
        results.stream().mapToInt(r -> r.attempts().size() + 1).max().orElseThrow(),
        answers.others());
  }
}

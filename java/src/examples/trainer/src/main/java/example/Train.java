package example;

import java.util.Optional;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.sweep.Loss;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;
import org.lrfinder.trainer.TrainingResult;

/** A trainer that finds the learning rate before it trains. */
public class Train {
  static class Classifier implements Model {
    double lr = 1e-3; // what the finder sets
    final SequentialImpl network = new SequentialImpl();
    final TensorBatches batches;

    Classifier() {
      network.push_back(new LinearImpl(20, 64));
      network.push_back(new ReLUImpl());
      network.push_back(new LinearImpl(64, 5));
      Tensor inputs =
          torch.randn(2048, 20); // the label says which of the first five numbers is the greatest
      batches =
          TensorBatches.of(inputs, inputs.narrow(1, 0, 5).argmax(new LongOptional(1), false), 32)
              .shuffled(1);
    }

    @Override
    public SequentialImpl module() {
      return network;
    }

    @Override
    public Optional<Loss> loss() {
      return Optional.of(Loss.CROSS_ENTROPY);
    }

    @Override
    public Optimizer configureOptimizers() {
      return new AdamW(network.parameters(), new AdamWOptions(lr));
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return batches;
    }
  }

  public static void main(String[] arguments) {
    torch.manual_seed(1);
    Classifier model = new Classifier();
    TrainingResult trained = Trainer.builder().autoLrFind(true).maxEpochs(3).build().fit(model);
    System.out.println("trained at " + model.lr + " by " + trained.engine());
  }
}

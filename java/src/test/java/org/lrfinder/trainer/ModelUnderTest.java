package org.lrfinder.trainer;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Models;

/** A small model with a learning rate in the field {@code lr}. */
class ModelUnderTest implements Model {
  double lr = 1e-3;
  final SequentialImpl network;
  final List<Double> configured = new ArrayList<>();
  final CountedBatches batches = new CountedBatches(learnable(5));
  private final Function<Double, Optimizer> optimizer;

  /** Batches that know how many of them were drawn. */
  static final class CountedBatches implements Iterable<Batch> {
    final List<Batch> list;
    int drawn;

    CountedBatches(List<Batch> list) {
      this.list = list;
    }

    @Override
    public Iterator<Batch> iterator() {
      Iterator<Batch> inner = list.iterator();
      return new Iterator<>() {
        @Override
        public boolean hasNext() {
          return inner.hasNext();
        }

        @Override
        public Batch next() {
          drawn++;
          return inner.next();
        }
      };
    }
  }

  ModelUnderTest() {
    this(seeded());
  }

  private static SequentialImpl seeded() {
    torch.manual_seed(12);
    return Models.inDouble(Models.mlp());
  }

  /** The class is the largest of the first features. */
  private static List<Batch> learnable(int count) {
    torch.manual_seed(1);
    List<Batch> batches = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Tensor input = torch.randn(16, Models.FEATURES).to(ScalarType.Double);
      batches.add(
          new Batch(input, input.narrow(1, 0, Models.CLASSES).argmax(new LongOptional(1), false)));
    }
    return batches;
  }

  ModelUnderTest(SequentialImpl network) {
    this.network = network;
    this.optimizer = rate -> new Adam(network.parameters(), new AdamOptions(rate));
  }

  double rate() {
    return lr;
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
    configured.add(rate());
    return Models.keep(optimizer.apply(rate()));
  }

  @Override
  public Iterable<Batch> trainBatches() {
    return batches;
  }
}

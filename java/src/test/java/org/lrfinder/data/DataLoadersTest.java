package org.lrfinder.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.bytedeco.pytorch.DataLoaderOptions;
import org.bytedeco.pytorch.Example;
import org.bytedeco.pytorch.JavaDataset;
import org.bytedeco.pytorch.JavaRandomDataLoader;
import org.bytedeco.pytorch.JavaSequentialTensorDataLoader;
import org.bytedeco.pytorch.JavaTensorDataset;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.RandomSampler;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.SequentialSampler;
import org.bytedeco.pytorch.SizeTOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorExample;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.OnEachEngine;

/** The presets' own data loaders feed a sweep. */
class DataLoadersTest {
  private static final int ROWS = 50;
  private static final int BATCH = 8;

  /** Row i is (i, i + 1) with the target i. */
  private static final class Rows extends JavaDataset {
    @Override
    public Example get(long index) {
      return new Example(row(index), Tensor.create((float) index));
    }

    @Override
    public SizeTOptional size() {
      return new SizeTOptional(ROWS);
    }
  }

  private static final class TensorRows extends JavaTensorDataset {
    @Override
    public TensorExample get(long index) {
      return new TensorExample(row(index));
    }

    @Override
    public SizeTOptional size() {
      return new SizeTOptional(ROWS);
    }
  }

  private static Tensor row(long index) {
    return Tensor.create((float) index, (float) index + 1);
  }

  /** With a worker thread, which reads ahead. */
  private static DataLoaderOptions options() {
    DataLoaderOptions options = new DataLoaderOptions(BATCH);
    options.workers().put(1);
    return options;
  }

  private final Rows rows = new Rows();
  private final JavaRandomDataLoader loader =
      new JavaRandomDataLoader(rows, new RandomSampler(ROWS), options());
  private final Iterable<Batch> batches = DataLoaders.examples(loader::begin, loader::end);

  @Test
  void everyEpochHasEveryExampleOnce() throws Exception {
    for (int epoch = 0; epoch < 3; epoch++) {
      List<Double> targets = new ArrayList<>();
      Iterator<Batch> walk = batches.iterator();
      while (walk.hasNext()) {
        Batch batch = walk.next();
        assertThat(batch.input().size(1)).isEqualTo(2);
        assertThat(batch.target().size(0)).isEqualTo(batch.input().size(0));
        for (long i = 0; i < batch.input().size(0); i++) {
          double target = batch.target().get(i).item_double();
          assertThat(batch.input().get(i).get(1).item_double()).isEqualTo(target + 1);
          targets.add(target);
        }
      }
      ((AutoCloseable) walk).close();
      assertThat(targets).hasSize(ROWS).doesNotHaveDuplicates();
    }
  }

  @OnEachEngine
  void aSweepReadsThemAndLeavesTheLoaderReady(EngineChoice engine) throws Exception {
    SequentialImpl network = new SequentialImpl();
    LinearImpl layer = new LinearImpl(2, 1);
    network.push_back(layer);
    SGD sgd = new SGD(network.parameters(), new SGDOptions(1e-3));
    LrFinder finder = LrFinder.builder().engine(engine).minLr(1e-7).maxLr(1e-3).steps(10).build();
    torch.manual_seed(2);
    List<Double> expectedOrder = firstEpoch();
    torch.manual_seed(2);

    LrFinderResult found = finder.find(network, sgd, Loss.MSE, batches); // ends within an epoch

    assertThat(found.results().size()).isEqualTo(10);
    assertThat(firstEpoch()).isEqualTo(expectedOrder); // as if no sweep had been
    assertThat(layer.isNull()).isFalse();
  }

  private List<Double> firstEpoch() throws Exception {
    List<Double> order = new ArrayList<>();
    Iterator<Batch> walk = batches.iterator();
    while (walk.hasNext()) {
      Tensor target = walk.next().target();
      for (long i = 0; i < target.size(0); i++) {
        order.add(target.get(i).item_double());
      }
    }
    ((AutoCloseable) walk).close();
    return order;
  }

  @Test
  void tensorsWithoutTargetsAreStackedToo() throws Exception {
    TensorRows data = new TensorRows();
    JavaSequentialTensorDataLoader tensors =
        new JavaSequentialTensorDataLoader(
            data, new SequentialSampler(ROWS), new DataLoaderOptions(BATCH));
    Iterator<Tensor> walk = DataLoaders.tensors(tensors::begin, tensors::end).iterator();
    Tensor first = walk.next();
    assertThat(first.size(0)).isEqualTo(BATCH);
    assertThat(first.get(3).get(0).item_double()).isEqualTo(3);
    walk.next();
    assertThat(first.isNull()).as("closed by the next").isTrue();
    ((AutoCloseable) walk).close();
  }

  @Test
  void aWalkThatIsLeftEarlyCanBeFollowedByAnother() throws Exception {
    Iterator<Batch> left = batches.iterator();
    Batch batch = left.next();
    ((AutoCloseable) left).close();
    assertThat(batch.input().isNull()).isTrue();
    assertThat(firstEpoch()).hasSize(ROWS);
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;

/** Sweeps leave no native object and no memory behind. */
@Tag("leak")
class LeakTest {
  private static final int WARM_UP = 40;
  private static final int SWEEPS = 150;
  private static final long FLAT = 24L << 20;

  @ParameterizedTest
  @MethodSource("org.lrfinder.EnginesUnderTest#stream")
  void noPointerAndNoMemoryIsLeft(EngineChoice engine) {
    List<Batch> batches = Models.batches(3, ScalarType.Float);
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = Models.Kind.ADAM.over(network);
    LrFinder finder = LrFinder.builder().engine(engine).steps(20).build();

    sweep(finder, network, optimizer, batches, WARM_UP);
    long pointers = settledCount();
    long resident = Pointer.physicalBytes();
    sweep(finder, network, optimizer, batches, SWEEPS);

    // Without a collection: not even garbage is left.
    assertThat(Pointer.totalCount()).as("pointers").isEqualTo(pointers);
    assertThat(Pointer.physicalBytes() - resident).as("growth of resident memory").isLessThan(FLAT);
  }

  /** Without the garbage that other tests left. */
  private static long settledCount() {
    long before;
    long count = Pointer.totalCount();
    do {
      before = count;
      System.gc();
      sleep();
      count = Pointer.totalCount();
    } while (count < before);
    return count;
  }

  private static void sleep() {
    try {
      Thread.sleep(200);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void sweep(
      LrFinder finder,
      SequentialImpl network,
      Optimizer optimizer,
      List<Batch> batches,
      int times) {
    for (int i = 0; i < times; i++) {
      finder.find(network, optimizer, Loss.CROSS_ENTROPY, batches);
    }
  }
}

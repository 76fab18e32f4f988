package org.lrfinder.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.OnEachEngine;

/** What engines cut for themselves is what the iterator of {@link TensorBatches} gives. */
class RowCutterTest {
  private static final long ROWS = 23;

  private final Tensor numbers = torch.arange(new Scalar(ROWS));

  private static RowCutter.Factory cutters(EngineChoice engine) {
    return Engines.cutters(engine, List.of(new Objective.Native(Loss.MSE)));
  }

  private static Map<String, Tensor> kindsOfData() {
    torch.manual_seed(1);
    Tensor table = torch.randn(ROWS, 6);
    Map<String, Tensor> kinds = new LinkedHashMap<>();
    kinds.put("float", table);
    kinds.put("double", table.to(ScalarType.Double));
    kinds.put("bfloat16", table.to(ScalarType.BFloat16));
    kinds.put("long", table.mul(new Scalar(100)).to(ScalarType.Long));
    kinds.put("bool", table.gt(new Scalar(0)));
    kinds.put("images", torch.randn(ROWS, 3, 4, 4));
    kinds.put("one-dimensional", torch.randn(ROWS));
    kinds.put("transposed", torch.randn(6, ROWS).t());
    kinds.put("a part of each row", table.narrow(1, 1, 3));
    kinds.put("rows within others", torch.randn(ROWS + 4, 3).narrow(0, 2, ROWS));
    kinds.put("expanded", torch.randn(1, 3).expand(ROWS, 3));
    kinds.put("of no width", torch.zeros(ROWS, 0));
    return kinds;
  }

  @OnEachEngine
  void everyBatchIsTheSameBitForBit(EngineChoice engine) {
    kindsOfData()
        .forEach(
            (kind, data) -> {
              TensorBatches rows = TensorBatches.of(data, numbers, 5);
              Stream.of(
                      rows,
                      rows.keepingPartial(),
                      rows.shuffled(3),
                      rows.shuffled(3).keepingPartial(),
                      TensorBatches.of(data, numbers, 1).shuffled(4),
                      TensorBatches.of(numbers, data, 23).shuffled(5))
                  .forEach(batches -> assertSame(batches, engine, kind));
            });
  }

  private static void assertSame(TensorBatches batches, EngineChoice engine, String kind) {
    for (long epoch = 0; epoch < 3; epoch++) {
      Iterator<Batch> expected = batches.epoch(epoch);
      try (BatchWalk<Batch> walk = new BatchWalk<>(batches, epoch, cutters(engine))) {
        while (expected.hasNext()) {
          Batch batch = walk.next();
          Batch same = expected.next();
          assertThat(batch.input().dtype().name().getString())
              .isEqualTo(same.input().dtype().name().getString());
          assertThat(batch.input().equal(same.input())).as(kind).isTrue();
          assertThat(batch.target().equal(same.target())).as(kind).isTrue();
        }
        assertThat(walk.hasNext()).isFalse();
      }
    }
  }

  @OnEachEngine
  void aWalkClosesWhatItMade(EngineChoice engine) {
    for (TensorBatches batches :
        List.of(
            TensorBatches.of(numbers, numbers, 5).shuffled(1),
            TensorBatches.of(numbers, numbers, 5))) {
      long before = Pointer.totalCount();
      for (int i = 0; i < 20; i++) {
        Batch last;
        try (BatchWalk<Batch> walk = new BatchWalk<>(batches, i, cutters(engine))) {
          walk.next();
          last = walk.next();
        }
        assertThat(last.input().isNull()).isTrue();
        assertThat(last.target().isNull()).isTrue();
      }
      assertThat(Pointer.totalCount()).isEqualTo(before);
    }
  }

  @OnEachEngine
  void aWalkOutlivesTheScopeInWhichItBegan(EngineChoice engine) {
    TensorBatches batches = TensorBatches.of(numbers, numbers, 5).shuffled(1);
    BatchWalk<Batch> walk;
    try (PointerScope scope = new PointerScope()) {
      walk = new BatchWalk<>(batches, 0, cutters(engine));
    }
    try (walk) {
      assertThat(walk.next().input().equal(batches.epoch(0).next().input())).isTrue();
    }
  }

  @OnEachEngine
  void dataThatWereClosedAreRefusedInWords(EngineChoice engine) {
    for (boolean input : new boolean[] {true, false}) {
      Tensor closed = torch.ones(ROWS);
      TensorBatches batches =
          TensorBatches.of(input ? closed : numbers, input ? numbers : closed, 5).shuffled(1);
      String message =
          "the data set's %s were closed before they were used"
              .formatted(input ? "inputs" : "targets");
      try (BatchWalk<Batch> walk = new BatchWalk<>(batches, 0, cutters(engine))) {
        walk.next();
        closed.close();
        assertThat(walk.hasNext()).isTrue();
        assertThatThrownBy(walk::next)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(message);
      }
      assertThatThrownBy(() -> new BatchWalk<>(batches, 1, cutters(engine)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(message);
    }
  }

  @OnEachEngine
  void dataThatLostRowsAreRefused(EngineChoice engine) {
    for (boolean shuffled : new boolean[] {true, false}) {
      Tensor shrinking = torch.ones(ROWS, 2);
      TensorBatches rows = TensorBatches.of(shrinking, numbers, 10);
      TensorBatches batches = shuffled ? rows.shuffled(1) : rows;
      try (BatchWalk<Batch> walk = new BatchWalk<>(batches, 0, cutters(engine))) {
        shrinking.resize_(2, 2);
        assertThatThrownBy(walk::next).isInstanceOf(RuntimeException.class);
      }
    }
  }

  /** Not even where nothing is compiled. */
  @Test
  void theNativeEnginesWalkMakesNoObjectForABatch() {
    assumeThat(EnginesUnderTest.all()).contains(EngineChoice.NATIVE);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    TensorBatches batches = TensorBatches.of(numbers, numbers, 1).keepingPartial().shuffled(1);
    try (BatchWalk<Batch> walk = new BatchWalk<>(batches, 0, cutters(EngineChoice.NATIVE))) {
      walk.next();
      threads.getCurrentThreadAllocatedBytes();
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 20; i++) {
        walk.next();
      }
      assertThat(threads.getCurrentThreadAllocatedBytes() - before).isZero();
    }
  }
}

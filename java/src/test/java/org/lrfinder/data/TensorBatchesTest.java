package org.lrfinder.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class TensorBatchesTest {
  private static final Tensor INPUTS = torch.arange(new Scalar(10)).view(10, 1);
  private static final Tensor TARGETS = torch.arange(new Scalar(10));

  private static List<List<Long>> rows(TensorBatches batches, long epoch) {
    List<List<Long>> rows = new ArrayList<>();
    for (Iterator<Batch> walk = batches.epoch(epoch); walk.hasNext(); ) {
      Batch batch = walk.next();
      assertThat(batch.input().flatten().equal(batch.target())).isTrue();
      rows.add(
          LongStream.range(0, batch.target().size(0))
              .map(i -> batch.target().select(0, i).item_long())
              .boxed()
              .toList());
    }
    return rows;
  }

  @Test
  void inOrderWithoutAPartialBatchUnlessKept() {
    TensorBatches batches = TensorBatches.of(INPUTS, TARGETS, 4);
    assertThat(rows(batches, 0))
        .containsExactly(List.of(0L, 1L, 2L, 3L), List.of(4L, 5L, 6L, 7L))
        .isEqualTo(rows(batches, 1));
    assertThat(rows(batches.keepingPartial(), 0)).hasSize(3).last().isEqualTo(List.of(8L, 9L));
  }

  @Test
  void shuffledAnewEachEpochAndTheSameAgain() {
    TensorBatches batches = TensorBatches.of(INPUTS, TARGETS, 5).shuffled(1);
    assertThat(rows(batches, 0).stream().flatMap(List::stream))
        .containsExactlyInAnyOrderElementsOf(LongStream.range(0, 10).boxed().toList());
    assertThat(rows(batches, 0)).isEqualTo(rows(batches, 0)).isNotEqualTo(rows(batches, 1));
    assertThat(rows(batches, 0)).isNotEqualTo(rows(batches.shuffled(2), 0));
  }

  @Test
  void shardsMakeUpEachBatchOfAll() {
    for (boolean partial : new boolean[] {false, true}) {
      for (int ranks : new int[] {2, 3}) {
        TensorBatches all = TensorBatches.of(INPUTS, TARGETS, 2 * ranks).shuffled(5);
        TensorBatches own = TensorBatches.of(INPUTS, TARGETS, 2).shuffled(5);
        List<List<Long>> whole = rows(partial ? all.keepingPartial() : all, 1);
        List<List<Long>> joined = new ArrayList<>();
        whole.forEach(batch -> joined.add(new ArrayList<>()));
        for (int rank = 0; rank < ranks; rank++) {
          List<List<Long>> shard =
              rows((partial ? own.keepingPartial() : own).shard(rank, ranks), 1);
          assertThat(shard).hasSameSizeAs(whole);
          for (int i = 0; i < shard.size(); i++) {
            joined.get(i).addAll(shard.get(i));
          }
        }
        assertThat(joined).isEqualTo(whole);
      }
    }
  }

  @Test
  void aShardInOrderMayEndWithAnEmptyBatch() {
    TensorBatches batches = TensorBatches.of(INPUTS, TARGETS, 3).keepingPartial();
    assertThat(rows(batches.shard(0, 3), 0)).containsExactly(List.of(0L, 1L, 2L), List.of(9L));
    assertThat(rows(batches.shard(2, 3), 0)).containsExactly(List.of(6L, 7L, 8L), List.of());
    assertThat(batches.shard(2, 3).batchesPerEpoch()).isEqualTo(2);
  }

  @Test
  void shardsHaveToBeOfThisWorld() {
    TensorBatches batches = TensorBatches.of(INPUTS, TARGETS, 4);
    assertThatThrownBy(() -> batches.shard(2, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("rank is 2, but must be from 0 to 1");
    assertThatThrownBy(() -> batches.shard(0, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("3 shards with batches of 4 rows need 12 rows, but there are 10");
  }

  @Test
  void anOrderIsTheSameInEveryRelease() {
    TensorBatches batches = TensorBatches.of(INPUTS, TARGETS, 10).shuffled(1);
    assertThat(rows(batches, 0)).containsExactly(List.of(9L, 7L, 8L, 1L, 0L, 6L, 3L, 4L, 2L, 5L));
    assertThat(rows(batches, 3)).containsExactly(List.of(7L, 4L, 9L, 5L, 8L, 2L, 0L, 1L, 6L, 3L));
  }

  @Test
  void shufflingLeavesLibtorchsGeneratorAlone() {
    Tensor before = torch.getDefaultCPUGenerator().get_state();
    rows(TensorBatches.of(INPUTS, TARGETS, 5).shuffled(1), 3);
    assertThat(torch.getDefaultCPUGenerator().get_state().equal(before)).isTrue();
  }

  @Test
  void aWalkClosesWhatItMade() throws Exception {
    TensorBatches batches = TensorBatches.of(INPUTS, TARGETS, 3).shuffled(1);
    walk(batches);
    long before = Pointer.totalCount();
    for (int i = 0; i < 20; i++) {
      walk(batches);
    }
    assertThat(Pointer.totalCount()).isEqualTo(before);
  }

  private static void walk(TensorBatches batches) throws Exception {
    Iterator<Batch> walk = batches.epoch(0);
    while (walk.hasNext()) {
      walk.next();
    }
    assertThatThrownBy(walk::next).isInstanceOf(NoSuchElementException.class);
    ((AutoCloseable) walk).close();
  }

  @Test
  void whatCannotBeBatchedIsRefused() {
    assertThatThrownBy(() -> TensorBatches.of(INPUTS, TARGETS, 11))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("batchSize is 11, but must be between 1 and the number of rows, 10");
    assertThatThrownBy(() -> TensorBatches.of(INPUTS, TARGETS.narrow(0, 0, 9), 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("inputs and targets need the same number of rows, at least one, not 10 and 9");
  }
}

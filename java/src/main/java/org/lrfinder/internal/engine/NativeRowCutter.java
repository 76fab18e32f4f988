package org.lrfinder.internal.engine;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.data.RowCutter;
import org.lrfinder.internal.nativecore.NativeCoreException;
import org.lrfinder.internal.nativecore.NativeRowBatches;

/**
 * {@code lrfinder::RowBatches} behind the interface of {@code data}. All batches are one object,
 * whose tensors lie in the core's memory: no garbage in a step, but nothing for users to hold.
 */
final class NativeRowCutter implements RowCutter {
  private final NativeRowBatches core;
  private final Batch batch;

  NativeRowCutter(Tensor inputs, Tensor targets, int batchSize, @Nullable Tensor order) {
    try (PointerScope scope = new PointerScope()) {
      core = new NativeRowBatches(inputs, targets, batchSize, order == null ? new Tensor() : order);
      core.retainReference(); // outlives the scope, until close()
    } catch (NativeCoreException e) {
      throw NativeSession.translated(e);
    }
    batch = new Batch(core.input(), core.target());
  }

  @Override
  public Batch cut(long index) {
    try {
      core.cut(index);
    } catch (NativeCoreException e) {
      throw NativeSession.translated(e);
    }
    return batch;
  }

  @Override
  public void close() {
    batch.input().setNull();
    batch.target().setNull();
    core.close();
  }
}

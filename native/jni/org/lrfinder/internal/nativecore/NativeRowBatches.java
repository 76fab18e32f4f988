package org.lrfinder.internal.nativecore;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.ByRef;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Const;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.pytorch.Tensor;

/** {@code lrfinder::RowBatches}; the header {@code lrfinder/row_batches.h} is its documentation. */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("RowBatches")
public final class NativeRowBatches extends Pointer {
  /** {@code order} may be an undefined tensor. The core keeps the data alive by itself. */
  public NativeRowBatches(Tensor inputs, Tensor targets, long batchSize, Tensor order) {
    allocate(inputs, targets, batchSize, order);
  }

  private native void allocate(
      @Const @ByRef Tensor inputs,
      @Const @ByRef Tensor targets,
      @Cast("int64_t") long batchSize,
      @Const @ByRef Tensor order)
      throws NativeCoreException;

  public native void cut(@Cast("int64_t") long index) throws NativeCoreException;

  /** Where the present batch's input lies until this is closed. */
  public native @NoException @Const @ByRef Tensor input();

  /** Where the present batch's target lies until this is closed. */
  public native @NoException @Const @ByRef Tensor target();
}

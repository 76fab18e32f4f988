package org.lrfinder.internal.nativecore;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.ByRef;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Const;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.annotation.StdString;
import org.bytedeco.pytorch.Tensor;

/**
 * {@code lrfinder::Sweep}; the header {@code lrfinder/sweep.h} is its documentation. Losses and
 * outcomes cross as the ordinals of the core's enums.
 */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("Sweep")
public final class NativeSweep extends Pointer {
  /**
   * Takes the snapshot. The caller keeps networks and optimizers reachable until the sweep is
   * closed.
   */
  public NativeSweep(NativeSweepSubject subject, NativeSweepSettings settings) {
    allocate(subject, settings);
  }

  private native void allocate(
      @Const @ByRef NativeSweepSubject subject, @Const @ByRef NativeSweepSettings settings)
      throws NativeCoreException;

  public native void accumulate(
      @Const @ByRef Tensor input, @Const @ByRef Tensor target, @Cast("lrfinder::Loss") int loss)
      throws NativeCoreException;

  public native void accumulate(@Const @ByRef Tensor loss, @Cast("int64_t") long part, double rows)
      throws NativeCoreException;

  public native @Cast("int") int step(
      @Const @ByRef Tensor input,
      @Const @ByRef Tensor target,
      @Cast("lrfinder::Loss") int loss,
      double lr)
      throws NativeCoreException;

  public native @Cast("int") int step(
      @Const @ByRef Tensor loss, double lr, @Cast("int64_t") long part, double rows)
      throws NativeCoreException;

  public native @Cast("int") int finish(double lr, @Cast("int64_t") long part)
      throws NativeCoreException;

  public native @Cast("int") int settle() throws NativeCoreException;

  public native boolean replay(
      @Const @ByRef Tensor input, @Const @ByRef Tensor target, @Cast("int64_t") long part)
      throws NativeCoreException;

  public native void abandon(@Cast("int64_t") long part) throws NativeCoreException;

  public native @Cast("int64_t") long replayed_steps() throws NativeCoreException;

  public native @StdString BytePointer not_replayed_because() throws NativeCoreException;

  public native double evaluate(
      @Const @ByRef Tensor input, @Const @ByRef Tensor target, @Cast("lrfinder::Loss") int loss)
      throws NativeCoreException;

  public native void agree(@StdString String lines, boolean broadcast, boolean validated)
      throws NativeCoreException;

  public native void end(@Cast("lrfinder::Ending") int ending) throws NativeCoreException;

  public native double average(double total, double weight) throws NativeCoreException;

  /** Where the sweep keeps its three numbers, in the order of {@code lrfinder::RunningLoss}. */
  public native @NoException @ByRef @Cast("const lrfinder::RunningLoss*") DoublePointer
      running_loss();

  public native @StdString BytePointer device() throws NativeCoreException;

  public native @StdString BytePointer path() throws NativeCoreException;

  public native @StdString BytePointer path_reason() throws NativeCoreException;

  public native void restore() throws NativeCoreException;
}

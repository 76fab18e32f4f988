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
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;

/**
 * {@code lrfinder::Training}, with the contract that the header {@code lrfinder/training.h} states.
 * Losses are numbered as in the core's enum.
 */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("Training")
public final class NativeTraining extends Pointer {
  /**
   * Starts a training; {@code network} may be null. The caller keeps network and optimizer
   * reachable until the training is closed.
   */
  public NativeTraining(Module network, Optimizer optimizer, NativeStepSettings step) {
    allocate(network, optimizer, step);
  }

  private native void allocate(
      Module network, @ByRef Optimizer optimizer, @Const @ByRef NativeStepSettings step)
      throws NativeCoreException;

  public native void accumulate(
      @Const @ByRef Tensor input, @Const @ByRef Tensor target, @Cast("lrfinder::Loss") int loss)
      throws NativeCoreException;

  public native void accumulate(@Const @ByRef Tensor loss, double rows) throws NativeCoreException;

  public native boolean step(
      @Const @ByRef Tensor input, @Const @ByRef Tensor target, @Cast("lrfinder::Loss") int loss)
      throws NativeCoreException;

  public native boolean step(@Const @ByRef Tensor loss, double rows) throws NativeCoreException;

  public native boolean finish() throws NativeCoreException;

  public native boolean settle() throws NativeCoreException;

  /** Where the training keeps its two numbers, in the order of {@code Training::Progress}. */
  public native @NoException @ByRef @Cast("const lrfinder::Training::Progress*") DoublePointer
      progress();

  public native void agree(@StdString String lines, boolean broadcast) throws NativeCoreException;

  public native void end(@Cast("lrfinder::Ending") int ending) throws NativeCoreException;

  public native double average(double total, double weight) throws NativeCoreException;

  public native boolean replay(@Const @ByRef Tensor input, @Const @ByRef Tensor target)
      throws NativeCoreException;

  public native void abandon() throws NativeCoreException;

  public native @Cast("int64_t") long replayed_steps() throws NativeCoreException;

  public native @StdString BytePointer not_replayed_because() throws NativeCoreException;

  public native double evaluate(
      @Const @ByRef Tensor input, @Const @ByRef Tensor target, @Cast("lrfinder::Loss") int loss)
      throws NativeCoreException;

  public native @StdString BytePointer device() throws NativeCoreException;

  public native @StdString BytePointer path() throws NativeCoreException;

  public native @StdString BytePointer path_reason() throws NativeCoreException;
}

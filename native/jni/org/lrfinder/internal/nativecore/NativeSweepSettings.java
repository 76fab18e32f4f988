package org.lrfinder.internal.nativecore;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.ByRef;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Const;
import org.bytedeco.javacpp.annotation.MemberSetter;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.Properties;

/**
 * {@code lrfinder::SweepSettings}; the header {@code lrfinder/sweep.h} says what each field means.
 */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("SweepSettings")
public final class NativeSweepSettings extends Pointer {
  /** Allocates settings with the core's defaults. */
  public NativeSweepSettings() {
    allocate();
  }

  private native void allocate();

  @MemberSetter
  public native NativeSweepSettings steps(@Cast("int64_t") long value);

  @MemberSetter
  public native NativeSweepSettings smoothing_beta(double value);

  @MemberSetter
  public native NativeSweepSettings early_stop_threshold(double value);

  @MemberSetter
  public native NativeSweepSettings step(@Const @ByRef NativeStepSettings value);

  public native void add_group_rate(
      double ratio, double constant, double origin, double scale, double exponent);
}

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
 * {@code lrfinder::StepSettings}; the header {@code lrfinder/step_settings.h} says what each field
 * means.
 */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("StepSettings")
public final class NativeStepSettings extends Pointer {
  /** Allocates settings with the core's defaults. */
  public NativeStepSettings() {
    allocate();
  }

  private native void allocate();

  @MemberSetter
  public native NativeStepSettings accumulate_grad_batches(@Cast("int64_t") long value);

  @MemberSetter
  public native NativeStepSettings gradient_clip_norm(double value);

  @MemberSetter
  public native NativeStepSettings gradient_clip_value(double value);

  @MemberSetter
  public native NativeStepSettings precision(@Cast("lrfinder::Precision") int value);

  @MemberSetter
  public native NativeStepSettings replay(@Cast("lrfinder::Replay") int value);

  public native void across(@Const @ByRef NativeProcessGroup processes);
}

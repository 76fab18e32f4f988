package org.lrfinder.internal.nativecore;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.MemberSetter;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.Properties;

/**
 * {@code lrfinder::TrainingSettings}; the header {@code lrfinder/training.h} says what each field
 * means.
 */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("TrainingSettings")
public final class NativeTrainingSettings extends Pointer {
  static {
    Loader.load();
  }

  /** Allocates settings with the core's defaults. */
  public NativeTrainingSettings() {
    allocate();
  }

  private native void allocate();

  @MemberSetter
  public native NativeTrainingSettings gradient_clip_norm(double value);

  @MemberSetter
  public native NativeTrainingSettings accumulate_grad_batches(@Cast("int64_t") long value);

  @MemberSetter
  public native NativeTrainingSettings precision(@Cast("lrfinder::Precision") int value);
}

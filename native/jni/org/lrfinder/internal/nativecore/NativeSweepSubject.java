package org.lrfinder.internal.nativecore;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.ByRef;
import org.bytedeco.javacpp.annotation.Const;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;

/** {@code lrfinder::SweepSubject}; the header {@code lrfinder/sweep.h} is its documentation. */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("SweepSubject")
public final class NativeSweepSubject extends Pointer {
  /** Allocates a subject without parts. */
  public NativeSweepSubject() {
    allocate();
  }

  private native void allocate();

  /** {@code network} may be null. */
  public native void add_part(Module network, boolean recorded);

  public native void add_part(@Const @ByRef JitModule network, boolean recorded);

  public native void add_optimizer(@Const @ByRef Optimizer optimizer);
}

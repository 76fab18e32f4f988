package org.lrfinder.internal.nativecore;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.Properties;

/**
 * {@code lrfinder::OutputToError}; the header {@code lrfinder/output_to_error.h} is its
 * documentation.
 */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("OutputToError")
public final class NativeOutputToError extends Pointer {
  /** Begins. */
  public NativeOutputToError() {
    allocate();
  }

  private native void allocate();
}

package org.lrfinder.internal.nativecore;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.annotation.StdString;
import org.bytedeco.pytorch.Backend;

/**
 * {@code lrfinder::ProcessGroup}; the header {@code lrfinder/process_group.h} is its documentation.
 */
@Properties(inherit = LrFinderPreset.class)
@Namespace("lrfinder")
@Name("ProcessGroup")
public final class NativeProcessGroup extends Pointer {
  /** Takes a share in a group of the presets. */
  public NativeProcessGroup(Backend backend) {
    allocate(backend);
  }

  private native void allocate(Backend backend) throws NativeCoreException;

  public native void meet() throws NativeCoreException;

  public native boolean any(boolean yes) throws NativeCoreException;

  public native void fail(@StdString String reason);
}

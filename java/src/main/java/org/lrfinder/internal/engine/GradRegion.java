package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.GradMode;

/**
 * A region with or without gradients on this thread; it ends with the grad mode as it was. Regions
 * are shared objects, so that a step that opens one makes no garbage.
 */
public final class GradRegion implements AutoCloseable {
  private static final GradRegion WITHIN_GRADIENTS = new GradRegion(true);
  private static final GradRegion WITHIN_NONE = new GradRegion(false);

  private final boolean before;

  private GradRegion(boolean before) {
    this.before = before;
  }

  /** Opens a region with gradients. */
  static GradRegion enabled() {
    return open(true);
  }

  /** {@return a region without gradients, which is open} */
  public static GradRegion disabled() {
    return open(false);
  }

  private static GradRegion open(boolean enabled) {
    GradRegion region = GradMode.is_enabled() ? WITHIN_GRADIENTS : WITHIN_NONE;
    GradMode.set_enabled(enabled);
    return region;
  }

  @Override
  public void close() {
    GradMode.set_enabled(before);
  }
}

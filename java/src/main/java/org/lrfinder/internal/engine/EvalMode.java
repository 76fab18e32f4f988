package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.jspecify.annotations.Nullable;

/**
 * A region for evaluation on this thread: a network in eval mode, no gradients. Afterwards each
 * module and the grad mode are as they were before.
 */
public final class EvalMode implements AutoCloseable {
  private final boolean gradMode = GradMode.is_enabled();
  private final ModuleModes modes;

  /**
   * Opens a region.
   *
   * @param network null changes no module
   */
  public EvalMode(@Nullable Module network) {
    modes = new ModuleModes(network);
    GradMode.set_enabled(false);
    if (network != null) {
      network.eval();
    }
  }

  @Override
  public void close() {
    GradMode.set_enabled(gradMode);
    modes.restore(Runnable::run);
    modes.close();
  }
}

package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.Module;
import org.jspecify.annotations.Nullable;

/**
 * A region for evaluation on this thread: a network in eval mode, no gradients. Afterwards each
 * module and the grad mode are as they were before.
 */
public final class EvalMode implements AutoCloseable {
  private final ModuleModes modes;
  private final GradRegion region;

  /**
   * Opens a region.
   *
   * @param network null changes no module
   */
  public EvalMode(@Nullable Module network) {
    modes = new ModuleModes(network);
    region = GradRegion.disabled();
    if (network != null) {
      network.eval();
    }
  }

  @Override
  public void close() {
    region.close();
    modes.restore(Runnable::run);
    modes.close();
  }
}

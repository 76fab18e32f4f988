package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.GradMode;

/**
 * A region for evaluation on this thread: networks in eval mode, no gradients. Afterwards each
 * module and the grad mode are as they were before.
 */
public final class EvalMode implements AutoCloseable {
  private final boolean gradMode = GradMode.is_enabled();
  private final List<ModuleModes> modes = new ArrayList<>();

  /**
   * Opens a region.
   *
   * @param subject its networks are put into eval mode, if it has any
   */
  public EvalMode(SweepSubject subject) {
    for (SweepSubject.Part part : subject.parts()) { // all, before one of them changes
      modes.add(new ModuleModes(part.module(), part.script()));
    }
    GradMode.set_enabled(false);
    modes.forEach(ModuleModes::eval);
  }

  @Override
  public void close() {
    GradMode.set_enabled(gradMode);
    for (ModuleModes each : modes) {
      each.restore(Runnable::run);
      each.close();
    }
  }
}

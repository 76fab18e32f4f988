package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * A region for evaluation on this thread: networks in eval mode, no gradients. Afterwards each
 * module and the grad mode are as they were before.
 */
public final class EvalMode implements AutoCloseable {
  private final List<ModuleModes> modes = new ArrayList<>();
  private final GradRegion region;

  /**
   * Opens a region.
   *
   * @param subject its networks are put into eval mode, if it has any
   */
  public EvalMode(SweepSubject subject) {
    for (SweepSubject.Part part : subject.parts()) { // all, before one of them changes
      modes.add(new ModuleModes(part.module(), part.script()));
    }
    region = GradRegion.disabled();
    modes.forEach(ModuleModes::eval);
  }

  @Override
  public void close() {
    region.close();
    for (ModuleModes each : modes) {
      each.restore(Runnable::run);
      each.close();
    }
  }
}

package org.lrfinder.internal.engine;

/**
 * A region for evaluation on this thread: networks in eval mode, no gradients. Afterwards each
 * module and the grad mode are as they were before.
 */
public final class EvalMode implements AutoCloseable {
  private final ModuleModes[] modes;
  private final GradRegion region;

  /**
   * Opens a region.
   *
   * @param subject its networks are put into eval mode, if it has any
   */
  public EvalMode(SweepSubject subject) {
    modes = new ModuleModes[subject.parts().size()];
    for (int i = 0; i < modes.length; i++) { // all, before one of them changes
      SweepSubject.Part part = subject.parts().get(i);
      modes[i] = new ModuleModes(part.module(), part.script());
    }
    region = GradRegion.disabled();
    try {
      for (ModuleModes each : modes) {
        each.eval();
      }
    } catch (RuntimeException | Error e) { // of a module written in Java
      close();
      throw e;
    }
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

package org.lrfinder.internal.engine;

/** What all sessions have in common: they run until they end, once. */
abstract sealed class Session implements EngineSession permits NativeSession, PortableSession {
  final ThreadState threadState; // to be restored by whoever is told that the session ended
  private boolean running = true;

  Session(ThreadState threadState) {
    this.threadState = threadState;
  }

  final void requireRunning() {
    if (!running) {
      throw new IllegalStateException(
          this instanceof EngineSweep
              ? "the sweep has ended: its model was restored"
              : "the training has ended");
    }
  }

  /** Ends the session; false if it had ended. */
  final boolean end() {
    boolean first = running;
    running = false;
    return first;
  }
}

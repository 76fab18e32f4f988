package org.lrfinder.cli;

import org.lrfinder.distributed.Distributed;
import org.lrfinder.internal.engine.OutputToError;

/** Processes that a launcher such as torchrun has started this one with. */
final class Launched {
  private Launched() {}

  /**
   * {@return the group of these processes, to be closed}
   *
   * @throws InputException if the environment does not say rightly who they are
   */
  static Distributed joined() {
    try (OutputToError quiet = new OutputToError()) { // gloo says there that it is connected
      return Distributed.fromEnvironment();
    } catch (IllegalStateException e) {
      throw new InputException(e.getMessage());
    }
  }

  /** Refuses a command that one process does alone. */
  static void requireAlone(String command) {
    if (Distributed.isLaunched()) {
      throw new InputException(
          command
              + " is for one process, but this one was started with others: WORLD_SIZE is "
              + System.getenv("WORLD_SIZE"));
    }
  }
}

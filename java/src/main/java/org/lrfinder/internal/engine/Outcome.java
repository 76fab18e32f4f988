package org.lrfinder.internal.engine;

import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.EndReason;

/** What became known by a step. A sweep knows more ends than its steps do. */
public enum Outcome {
  // In the order of lrfinder::Outcome, whose numbers come from the native core.
  /** The loss was recorded, the parameters updated. */
  CONTINUE(null),
  /** The loss was recorded and tripped the early stop. */
  DIVERGED(EndReason.DIVERGED),
  /** The loss was not finite and not recorded. */
  NON_FINITE(EndReason.NON_FINITE),
  /** No loss has become known: that of the step is on its way. Off the CPU alone. */
  PENDING(null);

  private final @Nullable EndReason end;

  Outcome(@Nullable EndReason end) {
    this.end = end;
  }

  /** {@return why the sweep ends; null if it goes on} */
  public @Nullable EndReason end() {
    return end;
  }
}

package org.lrfinder.internal.engine;

import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.EndReason;

/** What became known by a step. A sweep knows more ends than its steps do. */
public enum Outcome {
  // In the order of lrfinder::Outcome, whose numbers come from the native core.
  /** The loss was recorded, the parameters updated. */
  CONTINUE(null, true),
  /** The loss was recorded and tripped the early stop. */
  DIVERGED(EndReason.DIVERGED, true),
  /** The loss was not finite and not recorded. */
  NON_FINITE(EndReason.NON_FINITE, false),
  /** No loss has become known: that of the step is on its way. Off the CPU alone. */
  PENDING(null, false),
  // Of several processes one ended the sweep from outside, and all do after this step.
  /** As {@link #CONTINUE}, and the last step. */
  CANCELLED(EndReason.CANCELLED, true),
  /** As {@link #CONTINUE}, and the last step. */
  TIME_LIMIT(EndReason.TIME_LIMIT, true),
  /** As {@link #CONTINUE}, and the last step. */
  DATA_EXHAUSTED(EndReason.DATA_EXHAUSTED, true),
  /** No process had data: there was no step. */
  NO_DATA(EndReason.DATA_EXHAUSTED, false);

  private final @Nullable EndReason end;
  private final boolean recorded;

  Outcome(@Nullable EndReason end, boolean recorded) {
    this.end = end;
    this.recorded = recorded;
  }

  /** {@return whether a loss was recorded} */
  public boolean isRecorded() {
    return recorded;
  }

  /** {@return why the sweep ends; null if it goes on} */
  public @Nullable EndReason end() {
    return end;
  }
}

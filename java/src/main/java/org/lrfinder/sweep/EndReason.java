package org.lrfinder.sweep;

/** Why a sweep ended. */
public enum EndReason {
  /** Every rate was visited. */
  COMPLETED("completed all steps"),
  /**
   * The running loss rose over the early stop's limit; the step that did it is the curve's last
   * point.
   */
  DIVERGED("stopped early: the loss diverged"),
  /** A loss was NaN or infinite; it is not in the curve. */
  NON_FINITE("stopped early: the loss was not finite"),
  /** The thread was interrupted, or the cancellation condition held. */
  CANCELLED("cancelled"),
  /** The time that the sweep was given was used up. */
  TIME_LIMIT("stopped early: the time was used up"),
  /** The batches ran out before the rates did. */
  DATA_EXHAUSTED("stopped early: no batches left");

  private final String words;

  EndReason(String words) {
    this.words = words;
  }

  /** {@return whether neither the losses nor the last rate ended the sweep} */
  public boolean isFromOutside() {
    return this == CANCELLED || this == TIME_LIMIT || this == DATA_EXHAUSTED;
  }

  /** {@return the reason in words, for people} */
  public String words() {
    return words;
  }
}

package org.lrfinder;

/** Whether a result has a suggestion to trust, and if not, why. */
public enum Status {
  /** There is a suggestion. */
  OK("the loss fell"),
  /** The curve has too few points for the rule: the sweep ended early, or has too few steps. */
  TOO_FEW_POINTS("too few points for a suggestion: use more steps, or a lower minimum rate"),
  /** The loss does not fall, not even where the rule found it to fall most. */
  NEVER_FELL("the loss fell nowhere: raise the maximum rate, or look at model and data");

  private final String words;

  Status(String words) {
    this.words = words;
  }

  /** {@return the status in words, for people} */
  public String words() {
    return words;
  }
}

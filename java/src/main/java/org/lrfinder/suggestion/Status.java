package org.lrfinder.suggestion;

import java.util.Arrays;
import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;

/** Whether a result has a suggestion to trust, and if not, why. */
public enum Status {
  /** The loss fell and the sweep saw the fall's end: there is a suggestion. */
  OK("the loss fell"),
  /** The loss still falls at the last rate that was swept: sweep to higher ones. */
  STILL_FALLING("the loss was still falling at the last rate: sweep to a higher one"),
  /** The loss diverged and did not fall before: more steps may show a fall. */
  NEVER_FELL("the loss diverged without a fall before: use more steps, or look at model and data"),
  /** The loss diverged, or was not finite any more, at the first rates: lower the minimum. */
  STARTED_DIVERGED("the loss diverged at the first rates: lower the minimum rate"),
  /** The curve has too few points to tell anything: the sweep ended early, or has few steps. */
  TOO_FEW_POINTS("too few points for a suggestion: use more steps"),
  /**
   * The loss was not finite before it had risen: at the first batch, say. Where it had fallen, and
   * the fall had ended, a result is {@link #OK} with a warning that names the step.
   */
  NON_FINITE("the loss was not finite: look at the data, the model and its initial weights"),
  /** The loss neither fell nor diverged beyond its noise: more steps or larger batches may help. */
  FLAT_NOISE(
      "the loss neither fell nor diverged beyond its noise: use more steps, larger batches or a higher maximum rate");

  private final String words;

  Status(String words) {
    this.words = words;
  }

  /** {@return the status in words, for people} */
  public String words() {
    return words;
  }

  /** Judges a sweep by its curve, whatever the rule. */
  static Status of(Optional<Descent> followed, Curve curve, EndReason endReason) {
    boolean stopped = endReason == EndReason.DIVERGED || endReason == EndReason.NON_FINITE;
    if (followed.isEmpty()) {
      return tooFew(curve, endReason);
    }
    Descent descent = followed.get();
    boolean broken = endReason == EndReason.NON_FINITE && !rose(followed, curve);
    if (descent.clear()) {
      return !descent.stillFalling() ? OK : broken ? NON_FINITE : stopped ? OK : STILL_FALLING;
    }
    if (broken) {
      return NON_FINITE;
    }
    if (descent.risesAtOnce() && (descent.diverged() || stopped)) {
      return STARTED_DIVERGED;
    }
    return descent.diverged() || stopped ? NEVER_FELL : FLAT_NOISE;
  }

  private static Status tooFew(Curve curve, EndReason endReason) {
    return switch (endReason) {
      case DIVERGED -> STARTED_DIVERGED;
      case NON_FINITE -> rose(Optional.empty(), curve) ? STARTED_DIVERGED : NON_FINITE;
      default ->
          Arrays.stream(curve.losses()).allMatch(Double::isFinite) ? TOO_FEW_POINTS : NON_FINITE;
    };
  }

  /**
   * Tells whether a loss had risen when it was not finite any more. Of few points it had if the
   * last is above the others by more than these lie apart, and than their size.
   */
  static boolean rose(Optional<Descent> followed, Curve curve) {
    double[] losses = curve.losses();
    if (followed.isPresent() || losses.length < 2) {
      return followed.map(Descent::risesAtEnd).orElse(false);
    }
    double[] others = Arrays.copyOf(losses, losses.length - 1);
    double high = Arrays.stream(others).max().orElseThrow();
    double low = Arrays.stream(others).min().orElseThrow();
    return losses[losses.length - 1] - high > Math.max(high - low, Math.abs(low));
  }
}

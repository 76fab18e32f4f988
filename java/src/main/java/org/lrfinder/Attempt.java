package org.lrfinder;

import java.util.Locale;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;

/**
 * A sweep that was not OK, and was done again in another range or with more steps.
 *
 * @param minLr its first rate
 * @param maxLr its last rate
 * @param steps its planned steps
 * @param endReason why it ended
 * @param status why it was not OK
 */
public record Attempt(double minLr, double maxLr, int steps, EndReason endReason, Status status) {
  static Attempt of(LrFinderResult result) {
    SweepSettings settings = result.settings();
    return new Attempt(
        settings.minLr(), settings.maxLr(), settings.steps(), result.endReason(), result.status());
  }

  /** {@return the attempt in words, for people} */
  public String words() {
    return String.format(
        Locale.ROOT, "%.0e to %.0e in %d steps: %s", minLr, maxLr, steps, status.words());
  }
}

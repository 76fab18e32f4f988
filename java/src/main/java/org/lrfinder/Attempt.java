package org.lrfinder;

import java.util.Locale;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;

/**
 * A sweep that was done again in another range or with more steps, since it was not OK, since its
 * few steps were to show where to look, or since its noise left the rate open.
 *
 * @param minLr its first rate
 * @param maxLr its last rate
 * @param steps its planned steps
 * @param endReason why it ended
 * @param status whether it was OK, and if not, why
 */
public record Attempt(double minLr, double maxLr, int steps, EndReason endReason, Status status) {
  static Attempt of(LrFinderResult result) {
    SweepSettings settings = result.settings();
    return new Attempt(
        settings.minLr(), settings.maxLr(), settings.steps(), result.endReason(), result.status());
  }

  /** {@return the attempt in words, for people} */
  public String words() {
    String found =
        status == Status.OK ? "the loss fell, so that a closer look followed" : status.words();
    return String.format(Locale.ROOT, "%.0e to %.0e in %d steps: %s", minLr, maxLr, steps, found);
  }
}

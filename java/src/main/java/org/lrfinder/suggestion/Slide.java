package org.lrfinder.suggestion;

import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * fastai's interval slide: two points 15 apart move down from the largest rate as long as the
 * slopes of the smoothed loss there differ by more than 0.005; the lower one's last rate where they
 * did is picked.
 *
 * <p>Source: {@code fastai/callback/schedule.py}, {@code slide}, release 2.8.12, after Esri's
 * ArcGIS API for Python.
 *
 * <p>Its limits: the threshold has the unit of the loss, and the slope is over the step, so that
 * the pick moves by 1.5 decades from 100 to 800 steps. Needs 16 points in its window.
 *
 * <p>Invariance, as found: adding a constant does not move the pick on one and the same curve;
 * scaling the losses does, on nearly every curve, by up to 5.5 decades.
 */
public record Slide() implements SuggestionRule {
  private static final int INTERVAL = 15;
  private static final double THRESHOLD = 0.005;

  @Override
  public String name() {
    return "slide";
  }

  @Override
  public Optional<Pick> pick(Curve curve, SweepSettings settings) {
    FastaiWindow window = FastaiWindow.of(curve, settings);
    double[] losses = window.losses();
    int right = losses.length - 1;
    int left = right - INTERVAL;
    if (left < 0) {
      return Optional.empty();
    }
    int pick = left;
    while (left >= 0 && Math.abs(slope(losses, right) - slope(losses, left)) > THRESHOLD) {
      pick = left;
      right--;
      left--;
    }
    return Optional.of(Pick.of(window.rates()[pick]).within(curve));
  }

  private static double slope(double[] losses, int i) {
    int before = Math.max(i - 1, 0);
    int after = Math.min(i + 1, losses.length - 1);
    return (losses[after] - losses[before]) / (after - before);
  }
}

package org.lrfinder.suggestion;

import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * fastai's {@code steep}: the point after which the smoothed loss falls most for its distance in
 * the logarithm of the rate, the first of equals.
 *
 * <p>Source: {@code fastai/callback/schedule.py}, {@code steep}, release 2.8.12.
 *
 * <p>Its limits: a difference of neighbours follows every wobble, and like {@link Steepest} it
 * moves with the number of steps (by 1.1 decades from 100 to 800).
 *
 * <p>Invariance, as found: scaling the losses does not move the pick, and adding a constant does
 * not on one and the same curve; a sweep of the shifted loss stops elsewhere. One spike can move it
 * by five decades.
 */
public record Steep() implements SuggestionRule {
  @Override
  public String name() {
    return "steep";
  }

  @Override
  public Optional<Pick> pick(Curve curve, SweepSettings settings) {
    FastaiWindow window = FastaiWindow.of(curve, settings);
    double[] rates = window.rates();
    double[] losses = window.losses();
    if (window.size() < 2) {
      return Optional.empty();
    }
    double[] slopes = new double[window.size() - 1];
    for (int i = 0; i < slopes.length; i++) {
      slopes[i] = (losses[i + 1] - losses[i]) / (Math.log(rates[i + 1]) - Math.log(rates[i]));
    }
    int pick = Descent.lowest(slopes, slopes.length);
    return Optional.of(Pick.of(rates[pick]).within(curve));
  }
}

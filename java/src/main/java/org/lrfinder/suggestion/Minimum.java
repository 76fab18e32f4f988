package org.lrfinder.suggestion;

import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * fastai's {@code minimum}: a tenth of the rate where the smoothed loss is lowest, the first of
 * equals.
 *
 * <p>Source: {@code fastai/callback/schedule.py}, {@code minimum}, release 2.8.12.
 *
 * <p>Its limits: the running average lags, for which the tenth makes up at 100 steps, so that the
 * pick moves by half a decade from 100 to 800. Measured, it is the best of the published rules.
 *
 * <p>Invariance, as found: neither a scale nor a constant moves the pick on one and the same curve;
 * a sweep of the shifted loss stops elsewhere. One spike can move it by five decades.
 */
public record Minimum() implements SuggestionRule {
  private static final double DIVISOR = 10;

  @Override
  public String name() {
    return "minimum";
  }

  @Override
  public Optional<Pick> pick(Curve curve, SweepSettings settings) {
    FastaiWindow window = FastaiWindow.of(curve, settings);
    if (window.size() == 0) {
      return Optional.empty();
    }
    int lowest = Descent.lowest(window.losses(), window.size());
    return Optional.of(Pick.of(window.rates()[lowest] / DIVISOR).within(curve));
  }
}

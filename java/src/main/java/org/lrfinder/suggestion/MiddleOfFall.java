package org.lrfinder.suggestion;

import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * The library's own rule, {@code middle-of-fall}: a rate in the middle of the downward slope, found
 * well. In the logarithm of the rate, the mean of where half and four fifths of the fall are behind
 * and of where the loss is lowest (see {@link Descent}), moved for the number of points in a
 * decade, since more steps train more before a rate is reached, and divided by ten; at most the
 * rate of the lowest loss. Where there is no fall to be told from the noise of the first rates, 1.3
 * decades below where the loss first rises over that noise, or below the last rate: a guess, which
 * a result does not call OK. Nor does it where the fall is doubtful.
 *
 * <p>Source: this library's own, chosen by the validation loss after 300 training steps on 15 small
 * networks with five optimizers each. Mean regret (0 the best rate of a grid, 1 nothing learned) of
 * what the command line's search says, on 9 clean networks, 6 noisy ones, 13 that it was not chosen
 * on, and known ones in other units: 0.024, 0.049, 0.115 and 0.033; of fastai's minimum, the best
 * of the published, at 300 steps 0.087, 0.135, 0.108 and 0.117; of Lightning 0.8.1's rule at 100
 * steps 0.29, 0.74, 0.40 and 0.44.
 *
 * <p>Its limits: what cannot learn within the sweep shows no fall; noise of the size of the fall
 * hides it; a network that learns only just below the rate that throws it off, or that overfits at
 * once, gets a rate that is not the best; a longer sweep still moves the pick, by 0.2 to 0.3
 * decades from 100 to 800 steps.
 *
 * <p>Invariance, as found: neither a scale nor a constant moves the pick on one and the same curve,
 * but for rounding, also around and below zero; a sweep of the shifted loss may stop some steps
 * elsewhere, which moves it by at most 0.1 decades. A point that is not finite is a missing point.
 * On the golden sweeps, one spike of ten times the loss moves it by 0.02 decades at the 95th
 * percentile, two adjacent ones by 0.36; either changes the status of 2 in 100. What follows a
 * divergence moves nothing, unless the loss comes back below the level that it began at.
 */
public record MiddleOfFall() implements SuggestionRule {
  static final String NAME = "middle-of-fall";

  private static final double DENSITY_POWER = 0.5;
  private static final double DIVISOR = 10;
  private static final double BELOW_THE_END = 1.3; // decades

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Optional<Pick> pick(Curve curve, SweepSettings settings) {
    return Descent.of(curve, settings).map(descent -> pick(curve, descent));
  }

  /** Picks on a curve that was followed already. */
  static Pick pick(Curve curve, Descent descent) {
    return Pick.of(Math.pow(10, logRate(descent))).within(curve);
  }

  static double logRate(Descent descent) {
    if (descent.flat()) {
      return descent.firstRise() - BELOW_THE_END;
    }
    double middle = (descent.half() + descent.fourFifths() + descent.lowest()) / 3;
    double moved =
        middle + DENSITY_POWER * Math.log10(descent.pointsPerDecade()) - Math.log10(DIVISOR);
    return Math.min(moved, descent.lowest());
  }
}

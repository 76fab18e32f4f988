package org.lrfinder.suggestion;

import java.util.OptionalInt;
import org.lrfinder.sweep.Curve;

/** Picks a point of a curve. Implementations are free of state and of side effects. */
public interface SuggestionRule {
  /** {@return the rule's name, such as {@code steepest}} */
  String name();

  /**
   * Picks a point.
   *
   * @param curve what a sweep recorded
   * @return index of the point whose rate is suggested; empty if the curve has too few points for
   *     this rule
   */
  OptionalInt pick(Curve curve);
}

package org.lrfinder.suggestion;

import java.util.Objects;
import java.util.Optional;
import java.util.function.BiFunction;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * Suggests a learning rate from a curve. Implementations are free of state and of side effects, and
 * take a curve as it is: its running losses are smoothed, and it ends, as the sweep was told to.
 *
 * <p>Those that come with the library are in {@link SuggestionRules}.
 */
public interface SuggestionRule {
  /**
   * Makes a rule of a function, such as one that picks the third rate:
   *
   * <pre>{@code
   * SuggestionRule third =
   *     SuggestionRule.of("third", (curve, settings) -> Optional.of(Pick.of(curve.rate(2))));
   * }</pre>
   *
   * @param name the rule's name
   * @param pick picks a rate, as {@link #pick} does
   * @return the rule
   */
  static SuggestionRule of(String name, BiFunction<Curve, SweepSettings, Optional<Pick>> pick) {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(pick, "pick");
    return new SuggestionRule() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public Optional<Pick> pick(Curve curve, SweepSettings settings) {
        return pick.apply(curve, settings);
      }
    };
  }

  /** {@return the rule's name, such as {@code steepest}} */
  String name();

  /**
   * Picks a rate.
   *
   * @param curve what a sweep recorded; losses may be missing (not finite)
   * @param settings what the sweep was to do: its range and its number of steps, which a curve that
   *     ended early does not tell
   * @return the rate; empty if the curve has too few points for this rule
   */
  Optional<Pick> pick(Curve curve, SweepSettings settings);
}

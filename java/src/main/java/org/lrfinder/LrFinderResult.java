package org.lrfinder;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

/**
 * What a sweep found. Immutable, without native memory, and safe to use from any thread, with what
 * it holds. Only what is handed out for more is confined: {@link Suggestion#applyTo} writes to an
 * optimizer, and so belongs on the thread that uses that optimizer.
 *
 * @param settings the sweep's settings
 * @param results rates, losses and smoothed losses of each recorded step
 * @param endReason why the sweep ended
 * @param groups how each parameter group's rate follows {@code results().rates()}, through all
 *     optimizers in their order
 * @param status whether there is a suggestion, and if not, why
 * @param suggestion the suggested rate; present if and only if {@code status} is {@link Status#OK}
 * @param engine what computed the steps
 */
public record LrFinderResult(
    SweepSettings settings,
    Curve results,
    EndReason endReason,
    List<GroupRate> groups,
    Status status,
    Optional<Suggestion> suggestion,
    EngineInfo engine) {

  /**
   * Creates a result.
   *
   * @throws NullPointerException if a part is null
   */
  public LrFinderResult {
    Objects.requireNonNull(settings, "settings");
    Objects.requireNonNull(results, "results");
    Objects.requireNonNull(endReason, "endReason");
    groups = List.copyOf(groups);
    Objects.requireNonNull(status, "status");
    Objects.requireNonNull(suggestion, "suggestion");
    Objects.requireNonNull(engine, "engine");
  }

  static LrFinderResult of(
      SweepSettings settings,
      Curve curve,
      EndReason endReason,
      List<GroupRate> groups,
      SuggestionRule rule,
      EngineInfo engine) {
    OptionalInt pick = rule.pick(curve);
    Status status =
        pick.isEmpty()
            ? Status.TOO_FEW_POINTS
            : fallsAt(curve, pick.getAsInt()) ? Status.OK : Status.NEVER_FELL;
    Optional<Suggestion> suggestion = Optional.empty();
    if (status == Status.OK) {
      int index = pick.getAsInt();
      double lr = curve.rates()[index];
      List<Double> perGroup = groups.stream().map(group -> group.at(lr)).toList();
      suggestion =
          Optional.of(
              new Suggestion(lr, perGroup, rule.name(), index, curve.smoothedLosses()[index]));
    }
    return new LrFinderResult(settings, curve, endReason, groups, status, suggestion, engine);
  }

  /** Whether the loss falls on one side at least of the point that the rule picked. */
  private static boolean fallsAt(Curve curve, int pick) {
    double[] losses = curve.smoothedLosses();
    return (pick > 0 && losses[pick] < losses[pick - 1])
        || (pick < losses.length - 1 && losses[pick + 1] < losses[pick]);
  }

  /**
   * Lists a parameter group's learning rates.
   *
   * @param group which group, from 0, in the optimizer's order
   * @return the rate of each recorded step
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public double[] groupRates(int group) {
    return Arrays.stream(results.rates()).map(groups.get(group)::at).toArray();
  }

  /**
   * Draws the curve.
   *
   * @param suggest whether to mark the suggestion, if there is one, by a red point
   * @return the plot, to be saved
   */
  public LrPlot plot(boolean suggest) {
    return new LrPlot(results, settings.mode(), endReason, suggest ? suggestion : Optional.empty());
  }
}

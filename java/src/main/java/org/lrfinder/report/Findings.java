package org.lrfinder.report;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.Status;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

/**
 * What a report tells: a result's values. {@code LrFinderResult.report()} collects them. Immutable.
 *
 * @param settings the sweep's settings
 * @param curve what it recorded
 * @param endReason why it ended
 * @param groups how each parameter group's rate follows the swept one
 * @param answer what the rules say of it
 * @param attempts earlier sweeps, in words
 * @param repeats the sweeps that this is the median of; empty if there was one
 * @param engine what computed the steps
 * @param replay how many of them were replayed
 * @param plot the curve's picture; empty if it has no points
 */
public record Findings(
    SweepSettings settings,
    Curve curve,
    EndReason endReason,
    List<GroupRate> groups,
    Answer answer,
    List<String> attempts,
    Optional<Repeated> repeats,
    EngineInfo engine,
    Replay replay,
    Optional<LrPlot> plot) {
  /** Creates findings. */
  public Findings {
    Objects.requireNonNull(settings, "settings");
    Objects.requireNonNull(curve, "curve");
    Objects.requireNonNull(endReason, "endReason");
    groups = List.copyOf(groups);
    Objects.requireNonNull(answer, "answer");
    attempts = List.copyOf(attempts);
    Objects.requireNonNull(repeats, "repeats");
    Objects.requireNonNull(engine, "engine");
    Objects.requireNonNull(replay, "replay");
    Objects.requireNonNull(plot, "plot");
  }

  /**
   * Sweeps from the same snapshot over different batches.
   *
   * @param runs each of them, in their order
   * @param median the median of what those suggest whose status is OK; empty if none does
   * @param spread from the lower quartile of these to the upper, in decades; empty if there are
   *     fewer than two
   */
  public record Repeated(List<Run> runs, OptionalDouble median, OptionalDouble spread) {
    /** Creates repeats. */
    public Repeated {
      runs = List.copyOf(runs);
    }
  }

  /**
   * One of them.
   *
   * @param points how many it recorded
   * @param status whether it has a suggestion to trust
   * @param lr what the chosen rule said of it; empty if nothing
   */
  public record Run(int points, Status status, OptionalDouble lr) {}
}

package org.lrfinder.suggestion;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.GroupRate;

/** A suggested learning rate. Immutable, but for what is computed when it is first asked for. */
public final class Suggestion {
  /** The values, compared as one. */
  private record Values(double lr, List<Double> perGroup, String rule, int index, double loss) {
    Values {
      perGroup = List.copyOf(perGroup);
      Objects.requireNonNull(rule, "rule");
    }
  }

  private final Values values;
  private final Supplier<Optional<LrInterval>> measure;
  private volatile @Nullable Optional<LrInterval> interval;

  private Suggestion(Values values, Supplier<Optional<LrInterval>> measure) {
    this.values = values;
    this.measure = measure;
  }

  /**
   * Creates a suggestion.
   *
   * @param lr the swept rate
   * @param perGroup the rate of each parameter group, through all optimizers in their order
   * @param rule name of the rule that picked it
   * @param index which point of the curve it is, or is nearest to
   * @param loss smoothed loss at that point
   */
  public Suggestion(double lr, List<Double> perGroup, String rule, int index, double loss) {
    this(new Values(lr, perGroup, rule, index, loss), Optional::empty);
  }

  /** {@return the swept rate} */
  public double lr() {
    return values.lr;
  }

  /**
   * {@return the rate of each parameter group, through all optimizers in their order: {@code lr}
   * times the group's ratio, its rate at the same step if it has a range of its own, or its own
   * rate if it was not swept}
   */
  public List<Double> perGroup() {
    return values.perGroup;
  }

  /** {@return name of the rule that picked it} */
  public String rule() {
    return values.rule;
  }

  /** {@return which point of the curve it is, or is nearest to} */
  public int index() {
    return values.index;
  }

  /** {@return smoothed loss at that point} */
  public double loss() {
    return values.loss;
  }

  /**
   * Tells how far the noise of the curve moves the pick.
   *
   * @return where the median pick of many sweeps of this task lies, {@link LrInterval} says how; of
   *     {@link MiddleOfFall} alone, and empty where there is no fall that is clear
   */
  public Optional<LrInterval> interval() {
    Optional<LrInterval> known = interval;
    if (known == null) {
      known = measure.get(); // twice, if two threads ask at once, with the same result
      interval = known;
    }
    return known;
  }

  /**
   * Adds an interval, such as one that was stored.
   *
   * @param known what {@link #interval} is to be
   * @return a suggestion like this one with it
   */
  public Suggestion withInterval(Optional<LrInterval> known) {
    Objects.requireNonNull(known, "interval");
    return measuredBy(() -> known);
  }

  /** As {@link LrInterval#spanning}, when it is first asked for. */
  Suggestion spanning(List<Double> rates) {
    return measuredBy(() -> interval().map(own -> own.spanning(rates)));
  }

  /** As {@link #withInterval}, computed when it is first asked for. */
  Suggestion measuredBy(Supplier<Optional<LrInterval>> later) {
    return new Suggestion(values, later);
  }

  /**
   * Creates a suggestion on a curve.
   *
   * @param curve at least one point
   * @param lr a rate within the curve's
   * @param groups how each parameter group's rate follows it
   * @param rule name of the rule
   * @return the suggestion
   */
  public static Suggestion of(Curve curve, double lr, List<GroupRate> groups, String rule) {
    int above = 0;
    while (above < curve.size() - 1 && curve.rate(above) < lr) {
      above++;
    }
    // Nearer by its factor, not by its difference.
    int index =
        above > 0 && lr / curve.rate(above - 1) < curve.rate(above) / lr ? above - 1 : above;
    List<Double> perGroup = new ArrayList<>();
    for (GroupRate group : groups) {
      perGroup.add(group.at(lr));
    }
    return new Suggestion(lr, perGroup, rule, index, curve.smoothedLoss(index));
  }

  /**
   * Sets the learning rate of each parameter group.
   *
   * @param optimizers with as many parameter groups as those of the sweep, in the same order
   * @throws IllegalArgumentException if they have another number of groups; nothing was changed
   */
  public void applyTo(Optimizer... optimizers) {
    try (PointerScope scope = new PointerScope()) {
      List<OptimizerParamGroup> groups = new ArrayList<>();
      for (Optimizer optimizer : optimizers) {
        OptimizerParamGroupVector own = optimizer.param_groups();
        for (long i = 0; i < own.size(); i++) {
          groups.add(own.get(i));
        }
      }
      if (groups.size() != values.perGroup.size()) {
        throw new IllegalArgumentException(
            "the suggestion is for %d parameter groups, the optimizer has %d"
                .formatted(values.perGroup.size(), groups.size()));
      }
      for (int i = 0; i < values.perGroup.size(); i++) {
        groups.get(i).options().set_lr(values.perGroup.get(i));
      }
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Suggestion suggestion && values.equals(suggestion.values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }

  @Override
  public String toString() {
    return "Suggestion[lr=%s, perGroup=%s, rule=%s, index=%d, loss=%s]"
        .formatted(lr(), perGroup(), rule(), index(), loss());
  }
}

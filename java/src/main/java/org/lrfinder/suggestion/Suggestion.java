package org.lrfinder.suggestion;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.GroupRate;

/**
 * A suggested learning rate.
 *
 * @param lr the swept rate
 * @param perGroup the rate of each parameter group, through all optimizers in their order: {@code
 *     lr} times the group's ratio, its rate at the same step if it has a range of its own, or its
 *     own rate if it was not swept
 * @param rule name of the rule that picked it
 * @param index which point of the curve it is, or is nearest to
 * @param loss smoothed loss at that point
 */
public record Suggestion(double lr, List<Double> perGroup, String rule, int index, double loss) {
  /** Creates a suggestion. */
  public Suggestion {
    perGroup = List.copyOf(perGroup);
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
      if (groups.size() != perGroup.size()) {
        throw new IllegalArgumentException(
            "the suggestion is for %d parameter groups, the optimizer has %d"
                .formatted(perGroup.size(), groups.size()));
      }
      for (int i = 0; i < perGroup.size(); i++) {
        groups.get(i).options().set_lr(perGroup.get(i));
      }
    }
  }
}

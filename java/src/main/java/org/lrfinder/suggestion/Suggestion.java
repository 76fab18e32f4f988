package org.lrfinder.suggestion;

import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.lrfinder.sweep.Curve;

/**
 * A suggested learning rate.
 *
 * @param lr the swept rate
 * @param perGroup the rate of each parameter group, in the optimizer's order: {@code lr} times the
 *     group's ratio
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
   * @param groupRatios each parameter group's rate as a multiple of it
   * @param rule name of the rule
   * @return the suggestion
   */
  public static Suggestion of(Curve curve, double lr, List<Double> groupRatios, String rule) {
    int above = 0;
    while (above < curve.size() - 1 && curve.rate(above) < lr) {
      above++;
    }
    // Nearer by its factor, not by its difference.
    int index =
        above > 0 && lr * lr < curve.rate(above) * curve.rate(above - 1) ? above - 1 : above;
    List<Double> perGroup = groupRatios.stream().map(ratio -> ratio * lr).toList();
    return new Suggestion(lr, perGroup, rule, index, curve.smoothedLosses()[index]);
  }

  /**
   * Sets the learning rate of each of an optimizer's parameter groups.
   *
   * @param optimizer one with as many parameter groups as the swept one
   * @throws IllegalArgumentException if it has another number of groups; nothing was changed
   */
  public void applyTo(Optimizer optimizer) {
    try (PointerScope scope = new PointerScope()) {
      OptimizerParamGroupVector groups = optimizer.param_groups();
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

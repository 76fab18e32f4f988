package org.lrfinder.internal.loop;

import static java.util.stream.Collectors.toMap;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.lrfinder.sweep.GroupRange;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.SweepSettings;

/** How each parameter group of some optimizers follows the swept rate. */
public final class GroupRatePlan {
  private final List<Double> own = new ArrayList<>(); // rates of all groups
  private final List<Boolean> swept = new ArrayList<>();

  private GroupRatePlan() {}

  /**
   * Reads the optimizers.
   *
   * @param sweptOptimizers whether each is swept
   * @throws IllegalArgumentException if the settings name groups that there are not, or give a
   *     range to one that is not swept
   */
  public static List<GroupRate> of(
      List<Optimizer> optimizers, List<Boolean> sweptOptimizers, SweepSettings settings) {
    GroupRatePlan rates = new GroupRatePlan();
    try (PointerScope scope = new PointerScope()) {
      for (int i = 0; i < optimizers.size(); i++) {
        OptimizerParamGroupVector groups = optimizers.get(i).param_groups();
        for (long g = 0; g < groups.size(); g++) {
          rates.own.add(groups.get(g).options().get_lr());
          rates.swept.add(sweptOptimizers.get(i));
        }
      }
    }
    rates.select(settings.sweptGroups());
    return rates.following(settings);
  }

  private void select(List<Integer> groups) {
    groups.forEach(group -> requireSwept(group, "sweptGroups is "));
    for (int group = 0; group < own.size() && !groups.isEmpty(); group++) {
      swept.set(group, groups.contains(group));
    }
    if (!swept.contains(true)) {
      throw new IllegalArgumentException("no optimizer is swept: all keep their rates");
    }
  }

  private void requireSwept(int group, String setting) {
    if (group >= own.size()) {
      throw new IllegalArgumentException(
          "%s%d, but the optimizer has %d parameter groups".formatted(setting, group, own.size()));
    }
    if (!swept.get(group)) {
      throw new IllegalArgumentException(
          "%s%d, but that is a group of an optimizer that keeps its rates"
              .formatted(setting, group));
    }
  }

  private List<GroupRate> following(SweepSettings settings) {
    List<Double> ratios = settings.groupRatios();
    Map<Integer, GroupRange> ranges =
        settings.groupRanges().stream().collect(toMap(GroupRange::group, range -> range));
    ranges.keySet().forEach(group -> requireSwept(group, "groupRange is for group "));
    if (!ratios.isEmpty() && ratios.size() != own.size()) {
      throw new IllegalArgumentException(
          "groupRatios has %d entries, but the optimizer has %d parameter groups"
              .formatted(ratios.size(), own.size()));
    }
    double largest = 0;
    for (int group = 0; group < own.size(); group++) {
      boolean follows = swept.get(group) && !ranges.containsKey(group);
      largest = follows ? Math.max(largest, own.get(group)) : largest;
    }
    List<GroupRate> rates = new ArrayList<>();
    for (int group = 0; group < own.size(); group++) {
      double rate = own.get(group);
      if (ranges.containsKey(group)) {
        rates.add(GroupRate.within(ranges.get(group), settings));
      } else if (!swept.get(group)) {
        rates.add(GroupRate.kept(rate));
      } else if (!ratios.isEmpty()) {
        rates.add(GroupRate.swept(ratios.get(group)));
      } else {
        rates.add(GroupRate.swept(largest > 0 ? rate / largest : 1));
      }
    }
    return List.copyOf(rates);
  }
}

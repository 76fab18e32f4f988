package org.lrfinder.benchmarks.speed;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * A ratio to be reached by the median of paired sweeps.
 *
 * @param subject a case's label
 * @param contender whose time is divided by that of the native engine
 * @param ratio at least this, to the digits that it is given with; 1 where it need not be slower
 */
record Aim(Setting setting, String subject, String contender, double ratio) {
  private static final double HALF_A_PERCENT = 0.005;

  static final List<Aim> ALL = all();

  private static List<Aim> all() {
    List<Aim> aims = new ArrayList<>();
    String[] contenders = {
      "Lightning", "torch-lr-finder", "fastai", "bare Python", Contenders.NAIVE, Contenders.PLAIN
    };
    add(aims, Setting.MKL_ONE, "1x64", contenders, 28, 17, 45, 12, 4.5, 4.3);
    add(aims, Setting.MKL_ONE, "20x64", contenders, 8, 6.5, 15, 5.5, 4, 3.7);
    add(aims, Setting.MKL_ONE, "2x512", contenders, 2, 1.6, 2.5, 1.4, 1.3, 1.25);
    String[] byHand = {"bare Python", Contenders.NAIVE, Contenders.PLAIN};
    add(aims, Setting.MKL_ONE, "cnn-8x8", byHand, 1, 1.5, 1.8);
    add(aims, Setting.MKL_ONE, "encoder-layer", byHand, 1, 2.5, 3.4);
    add(aims, Setting.MKL_ONE, "lstm", byHand, 1, 1.3, 1.5);
    add(aims, Setting.MKL_ONE, "gru", byHand, 1, 3, 3.3);
    for (String large : List.of("2x2048", "resnet-18")) {
      add(aims, Setting.MKL_DEFAULT, large, contenders, 1, 1, 1, 1, 1, 1);
    }
    return List.copyOf(aims);
  }

  private static void add(
      List<Aim> aims, Setting setting, String subject, String[] contenders, double... ratios) {
    for (int i = 0; i < ratios.length; i++) {
      aims.add(new Aim(setting, subject, contenders[i], ratios[i]));
    }
  }

  String words() {
    return ratio == 1
        ? "not slower"
        : BigDecimal.valueOf(ratio).stripTrailingZeros().toPlainString() + "x";
  }

  /** A ratio of 1 is reached by what rounds to it: nobody can tell 0.996 from it. */
  boolean isMetBy(double median) {
    return median >= (ratio == 1 ? ratio - HALF_A_PERCENT : ratio);
  }
}

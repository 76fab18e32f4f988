package org.lrfinder.plot;

import java.util.Arrays;
import java.util.Locale;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;

/** A curve drawn with characters. */
final class TextPlot {
  private static final int LABELS = 9; // columns for the losses' labels and the axis

  private final Curve curve;
  private final ScheduleMode mode;
  private final EndReason endReason;
  private final Marks marks;
  private final LossRange range;

  TextPlot(Curve curve, ScheduleMode mode, EndReason endReason, Marks marks, LossRange range) {
    this.curve = curve;
    this.mode = mode;
    this.endReason = endReason;
    this.marks = marks;
    this.range = range;
  }

  String draw(int columns, int rows) {
    if (columns < 40 || rows < 8) {
      throw new IllegalArgumentException(
          "a text plot needs at least 40 columns and 8 rows, not %d and %d"
              .formatted(columns, rows));
    }
    int width = columns - LABELS;
    int height = rows - 2;
    char[][] canvas = new char[height][width];
    Arrays.stream(canvas).forEach(row -> Arrays.fill(row, ' '));
    double[] rates = curve.rates();
    plot(canvas, rates, curve.losses(), '.');
    plot(canvas, rates, curve.smoothedLosses(), '*');
    if (endReason == EndReason.DIVERGED || endReason == EndReason.NON_FINITE) {
      int last = rates.length - 1;
      set(canvas, rates[last], curve.smoothedLosses()[last], 'X');
    }
    marks.suggestion().ifPresent(s -> set(canvas, s.lr(), s.loss(), 'O'));
    StringBuilder text = new StringBuilder();
    for (int row = 0; row < height; row++) {
      boolean labelled = row == 0 || row == height / 2 || row == height - 1;
      double loss = range.high() - row * (range.high() - range.low()) / (height - 1);
      text.append(labelled ? String.format(Locale.ROOT, "%7.3g |", loss) : "        |")
          .append(new String(canvas[row]).stripTrailing())
          .append('\n');
    }
    return text.append("        +")
        .append(axis(width))
        .append('\n')
        .append(rateLabels(rates, width))
        .append('\n')
        .toString();
  }

  /** With the range, as far as the curve goes. */
  private String axis(int width) {
    StringBuilder axis = new StringBuilder("-".repeat(width));
    marks
        .range()
        .ifPresent(
            lrs -> {
              int from = Math.max(column(lrs.base(), width), 0);
              int to = Math.min(column(lrs.max(), width), width - 1);
              for (int i = from; i <= to; i++) {
                axis.setCharAt(i, '=');
              }
            });
    return axis.toString();
  }

  private void plot(char[][] canvas, double[] rates, double[] losses, char mark) {
    for (int i = 0; i < rates.length; i++) {
      set(canvas, rates[i], losses[i], mark);
    }
  }

  private void set(char[][] canvas, double rate, double loss, char mark) {
    int row =
        (int)
            Math.round(
                (range.high() - range.clamp(loss))
                    / (range.high() - range.low())
                    * (canvas.length - 1));
    canvas[row][column(rate, canvas[0].length)] = mark;
  }

  private int column(double rate, int width) {
    double[] rates = curve.rates();
    double first = scaled(rates[0]);
    double last = scaled(rates[rates.length - 1]);
    return last > first
        ? (int) Math.round((scaled(rate) - first) / (last - first) * (width - 1))
        : 0;
  }

  private double scaled(double rate) {
    return mode == ScheduleMode.EXPONENTIAL ? Math.log10(rate) : rate;
  }

  private static String rateLabels(double[] rates, int width) {
    String first = Charts.value(rates[0]);
    String last = Charts.value(rates[rates.length - 1]);
    String middle = "learning rate";
    int left = Math.max((width - middle.length()) / 2 - first.length(), 1);
    int right = Math.max(width - first.length() - left - middle.length() - last.length(), 1);
    return " ".repeat(LABELS) + first + " ".repeat(left) + middle + " ".repeat(right) + last;
  }
}

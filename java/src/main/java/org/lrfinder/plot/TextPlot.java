package org.lrfinder.plot;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Curve;

/** A curve drawn with characters. */
final class TextPlot {
  private static final int LEAST_COLUMNS = 40;
  private static final int LEAST_ROWS = 8;
  private static final int MOST_DIGITS = 12;
  private static final String BETWEEN = "  ";

  private final Judged judged;
  private final Marks marks;
  private final RateRange rates;
  private final LossRange range;

  TextPlot(Judged judged, Marks marks, RateRange rates) {
    this.judged = judged;
    this.marks = marks;
    this.rates = rates;
    this.range = LossRange.of(judged.curve(), judged.line());
  }

  static void requireSize(int columns, int rows) {
    if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) {
      throw new IllegalArgumentException(
          "a text plot needs at least %d columns and %d rows, not %d and %d"
              .formatted(LEAST_COLUMNS, LEAST_ROWS, columns, rows));
    }
  }

  String draw(int columns, int rows) {
    requireSize(columns, rows);
    List<String> key = key(columns);
    int height = rows - 2 - key.size();
    List<String> losses = distinct("g", range.high(), loss(height / 2, height), range.low());
    int margin = losses.stream().mapToInt(String::length).max().orElseThrow() + 1;
    char[][] canvas = new char[height][columns - margin - 1];
    Arrays.stream(canvas).forEach(row -> Arrays.fill(row, ' '));
    paint(canvas);
    StringBuilder text = new StringBuilder();
    for (int row = 0; row < height; row++) {
      String label = "";
      if (row == 0) {
        label = losses.get(0);
      } else if (row == height / 2) {
        label = losses.get(1);
      } else if (row == height - 1) {
        label = losses.get(2);
      }
      text.append(" ".repeat(margin - 1 - label.length()))
          .append(label)
          .append(" |")
          .append(new String(canvas[row]).stripTrailing())
          .append('\n');
    }
    int width = canvas[0].length;
    text.append(" ".repeat(margin)).append('+').append(axis(width)).append('\n');
    text.append(" ".repeat(margin + 1)).append(rateLabels(width)).append('\n');
    key.forEach(line -> text.append(line).append('\n'));
    return text.toString();
  }

  private void paint(char[][] canvas) {
    Curve curve = judged.curve();
    double[] xs = curve.rates();
    if (judged.smooth()) {
      plot(canvas, xs, curve.losses(), '.');
    }
    if (marks.runningLoss()) {
      plot(canvas, xs, curve.smoothedLosses(), '~');
    }
    judged.line().ifPresent(line -> plot(canvas, line));
    for (double lr : judged.fall()) {
      set(canvas, lr, judged.at(lr), '+');
    }
    judged.end().ifPresent(end -> set(canvas, end.lr(), judged.at(end.lr()), 'X'));
    marks.suggestion().ifPresent(s -> set(canvas, s.lr(), judged.at(s.lr()), 'O'));
  }

  /** Says in lines what the characters mean. */
  private List<String> key(int columns) {
    List<String> entries = new ArrayList<>();
    entries.add(judged.smooth() ? "* trend" : "* loss");
    if (judged.smooth()) {
      entries.add(". loss");
    }
    if (marks.runningLoss()) {
      entries.add("~ running loss");
    }
    if (judged.fall().length > 0) {
      entries.add("+ half, 4/5, lowest");
    }
    marks.suggestion().ifPresent(s -> entries.add("O suggestion"));
    judged.end().ifPresent(end -> entries.add("X " + end.what()));
    marks.range().ifPresent(lrs -> entries.add("= range"));
    List<String> lines = new ArrayList<>(List.of(entries.get(0)));
    for (String entry : entries.subList(1, entries.size())) {
      int last = lines.size() - 1;
      String longer = lines.get(last) + BETWEEN + entry;
      if (longer.length() <= columns) {
        lines.set(last, longer);
      } else {
        lines.add(entry);
      }
    }
    return lines;
  }

  /** Draws the axis of the rates, and on it the range as far as the curve goes. */
  private String axis(int width) {
    char[] axis = "-".repeat(width).toCharArray();
    marks
        .range()
        .ifPresent(
            lrs ->
                Arrays.fill(
                    axis,
                    column(rates.clamp(lrs.base()), width),
                    column(rates.clamp(lrs.max()), width) + 1,
                    '='));
    return new String(axis);
  }

  /** Draws a trend in each column, however few its points; too few losses as points. */
  private void plot(char[][] canvas, Trend line) {
    if (!judged.smooth()) {
      plot(canvas, line.rates(), line.losses(), '*');
      return;
    }
    int width = canvas[0].length;
    for (int i = column(line.rates()[0], width); i <= column(line.lastRate(), width); i++) {
      double lr = rates.rate((double) i / (width - 1));
      set(canvas, lr, line.at(lr), '*');
    }
  }

  private void plot(char[][] canvas, double[] xs, double[] losses, char mark) {
    for (int i = 0; i < xs.length; i++) {
      set(canvas, xs[i], losses[i], mark);
    }
  }

  private void set(char[][] canvas, double rate, double loss, char mark) {
    double down = (range.high() - range.clamp(loss)) / (range.high() - range.low());
    int row = (int) Math.round(down * (canvas.length - 1));
    canvas[row][column(rates.clamp(rate), canvas[0].length)] = mark;
  }

  private int column(double rate, int width) {
    return (int) Math.round(rates.share(rate) * (width - 1));
  }

  private double loss(int row, int height) {
    return range.high() - row * (range.high() - range.low()) / (height - 1);
  }

  private String rateLabels(int width) {
    List<String> ends = distinct("e", rates.low(), rates.high());
    String middle = "learning rate";
    int left = Math.max((width - middle.length()) / 2 - ends.get(0).length(), 1);
    int used = ends.get(0).length() + left + middle.length() + ends.get(1).length();
    return ends.get(0)
        + " ".repeat(left)
        + middle
        + " ".repeat(Math.max(width - used, 1))
        + ends.get(1);
  }

  /** Writes numbers with three digits, or as many as it takes to tell them apart. */
  private static List<String> distinct(String conversion, double... values) {
    for (int digits = conversion.equals("e") ? 2 : 3; ; digits++) {
      String format = "%." + digits + conversion;
      List<String> words =
          Arrays.stream(values).mapToObj(v -> String.format(Locale.ROOT, format, v)).toList();
      if (digits == MOST_DIGITS || words.stream().distinct().count() == words.size()) {
        return words;
      }
    }
  }
}

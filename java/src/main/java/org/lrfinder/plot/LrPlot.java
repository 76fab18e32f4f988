package org.lrfinder.plot;

import java.awt.Color;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Band;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.ScheduleMode;

/**
 * A picture of a curve: the losses faint, the smoothed losses strong, validation losses in green,
 * the suggestion in red with its value, its range shaded, and where the sweep diverged; on request
 * every rule's rate. The rates' axis is logarithmic if they are. Losses far above the smoothed ones
 * are drawn at the upper edge, so that a divergence does not flatten the rest.
 *
 * <p>It needs no display. Immutable; thread-safe.
 */
public final class LrPlot {
  private static final Color RAW = new Color(0xa9bcd8);
  private static final Color SMOOTHED = new Color(0x1f4e9c);
  private static final Color VALIDATION = new Color(0x2e8b57);
  private static final Color SUGGESTED = new Color(0xd62728);
  private static final Color RANGE = new Color(0xfbe3e3);
  private static final Color BAND = new Color(0xccd9ec);
  private static final Color DIVERGED = new Color(0x444444);

  private final Curve curve;
  private final ScheduleMode mode;
  private final EndReason endReason;
  private final Marks marks;
  private final String title;
  private final String rateLabel;
  private final String lossLabel;

  /**
   * Creates a plot.
   *
   * @param curve what to draw, at least one point
   * @param mode of the sweep: exponential draws a logarithmic axis
   * @param endReason why the sweep ended: a divergence is marked
   * @param suggestion marked by a red point, if present
   * @throws IllegalArgumentException if the curve is empty
   */
  public LrPlot(
      Curve curve, ScheduleMode mode, EndReason endReason, Optional<Suggestion> suggestion) {
    this(
        curve,
        mode,
        endReason,
        Marks.of(suggestion),
        "Learning rate finder",
        "learning rate",
        "loss");
  }

  private LrPlot(
      Curve curve,
      ScheduleMode mode,
      EndReason endReason,
      Marks marks,
      String title,
      String rateLabel,
      String lossLabel) {
    if (curve.size() == 0) {
      throw new IllegalArgumentException("the curve has no points to draw");
    }
    this.curve = curve;
    this.mode = Objects.requireNonNull(mode, "mode");
    this.endReason = Objects.requireNonNull(endReason, "endReason");
    this.marks = marks;
    this.title = Objects.requireNonNull(title, "title");
    this.rateLabel = Objects.requireNonNull(rateLabel, "rateLabel");
    this.lossLabel = Objects.requireNonNull(lossLabel, "lossLabel");
  }

  /**
   * Sets the title.
   *
   * @param newTitle default "Learning rate finder"
   * @return a plot like this one with that title
   */
  public LrPlot withTitle(String newTitle) {
    return new LrPlot(curve, mode, endReason, marks, newTitle, rateLabel, lossLabel);
  }

  /**
   * Sets the axes' labels.
   *
   * @param newRateLabel default "learning rate"
   * @param newLossLabel default "loss"
   * @return a plot like this one with those labels
   */
  public LrPlot withLabels(String newRateLabel, String newLossLabel) {
    return new LrPlot(curve, mode, endReason, marks, title, newRateLabel, newLossLabel);
  }

  /**
   * Shades a range of rates, as far as the curve goes.
   *
   * @param range which
   * @return a plot like this one with that range
   */
  public LrPlot withRange(LrRange range) {
    return with(new Marks(marks.suggestion(), Optional.of(range), marks.rules(), marks.band()));
  }

  /**
   * Marks what each rule says by a dashed line, named in the legend.
   *
   * @param rules their suggestions, such as {@code LrFinderResult.suggestions()}; that of the
   *     plot's own suggestion is not marked again
   * @return a plot like this one with those marks
   */
  public LrPlot withRules(List<Suggestion> rules) {
    return with(new Marks(marks.suggestion(), marks.range(), rules, marks.band()));
  }

  /**
   * Draws the band of repeated sweeps in place of the smoothed losses: the median of theirs, and
   * their quartiles shaded.
   *
   * @param band of sweeps over the same rates
   * @return a plot like this one with that band
   */
  public LrPlot withBand(Band band) {
    return with(new Marks(marks.suggestion(), marks.range(), marks.rules(), Optional.of(band)));
  }

  private LrPlot with(Marks newMarks) {
    return new LrPlot(curve, mode, endReason, newMarks, title, rateLabel, lossLabel);
  }

  /**
   * Writes the picture, 900 by 600 points, by atomic rename.
   *
   * @param file where to; its name ends in {@code .png} or {@code .svg}, its folder must exist
   * @throws IllegalArgumentException if the name has another ending
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public void save(Path file) {
    Charts.save(chart(), file);
  }

  /**
   * Hands out the chart, to be changed or shown by other means.
   *
   * @return a new chart each time, for one thread at a time
   */
  public XYChart chart() {
    double[] rates = curve.rates();
    LossRange losses = LossRange.of(curve);
    XYChart chart = Charts.empty(title, rateLabel, lossLabel, mode, losses);
    marks.range().ifPresent(range -> shade(chart, range, losses));
    Charts.line(chart, "loss", rates, losses.clamp(curve.losses()), RAW, 1.5f);
    Optional<Band> band = marks.band().filter(b -> b.size() > 1);
    if (band.isPresent()) {
      draw(chart, band.get(), losses);
    } else {
      double[] smoothed = losses.clamp(curve.smoothedLosses());
      Charts.line(chart, "smoothed loss", rates, smoothed, SMOOTHED, 3f);
    }
    if (endReason == EndReason.DIVERGED || endReason == EndReason.NON_FINITE) {
      int last = rates.length - 1;
      String what = endReason == EndReason.DIVERGED ? "diverged at " : "last finite loss at ";
      double loss = losses.clamp(curve.smoothedLosses()[last]);
      String name = what + Charts.value(rates[last]);
      Charts.point(chart, name, rates[last], loss, DIVERGED, SeriesMarkers.CROSS);
    }
    if (curve.validationLosses().length > 0) {
      double[] validation = losses.clamp(curve.validationLosses());
      Charts.line(chart, "validation loss", rates, validation, VALIDATION, 2f);
    }
    RuleLines.draw(chart, marks, losses);
    marks.suggestion().ifPresent(suggestion -> mark(chart, suggestion, losses));
    return chart;
  }

  private void shade(XYChart chart, LrRange range, LossRange losses) {
    double first = curve.rate(0);
    double last = curve.rate(curve.size() - 1);
    double base = Math.min(Math.max(range.base(), first), last);
    double max = Math.max(Math.min(range.max(), last), first);
    Charts.area(
        chart,
        "range " + Charts.value(range.base()) + " to " + Charts.value(range.max()),
        new double[] {base, max, max, base},
        new double[] {losses.low(), losses.low(), losses.high(), losses.high()},
        RANGE);
  }

  private static void draw(XYChart chart, Band band, LossRange losses) {
    int size = band.size();
    double[] rates = band.rates();
    double[] low = losses.clamp(band.low());
    double[] high = losses.clamp(band.high());
    double[] x = new double[2 * size];
    double[] y = new double[2 * size];
    for (int i = 0; i < size; i++) {
      x[i] = rates[i];
      y[i] = low[i];
      x[2 * size - 1 - i] = rates[i];
      y[2 * size - 1 - i] = high[i];
    }
    Charts.area(chart, "quartiles of the repeats", x, y, BAND);
    double[] median = losses.clamp(band.median());
    Charts.line(chart, "their median", rates, median, SMOOTHED, 3f);
  }

  private static void mark(XYChart chart, Suggestion suggestion, LossRange losses) {
    double lr = suggestion.lr();
    double loss = losses.clamp(suggestion.loss());
    double[] stem = {losses.low(), loss};
    Charts.dashed(chart, "stem", new double[] {lr, lr}, stem, SUGGESTED).setShowInLegend(false);
    String name = "suggestion " + Charts.value(lr);
    Charts.point(chart, name, lr, loss, SUGGESTED, SeriesMarkers.CIRCLE);
  }

  /**
   * Draws the curve with characters, for terminals: {@code .} losses, {@code *} smoothed losses,
   * {@code O} the suggestion, {@code X} where the sweep diverged, {@code =} at the foot the range.
   *
   * @param columns width of the whole, at least 40
   * @param rows height of the whole, at least 8
   * @return lines of at most that width, each ended by a line feed
   * @throws IllegalArgumentException if it is too small
   */
  public String toText(int columns, int rows) {
    return new TextPlot(curve, mode, endReason, marks, LossRange.of(curve)).draw(columns, rows);
  }
}

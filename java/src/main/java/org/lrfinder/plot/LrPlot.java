package org.lrfinder.plot;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.lrfinder.suggestion.Band;
import org.lrfinder.suggestion.LrRange;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;

/**
 * A picture of a curve, as an answer is read from it. Strong, the {@linkplain Trend trend} of the
 * losses, which does not lag behind them; on it, small, where half and four fifths of the fall are
 * behind and where the loss is lowest, a cross where it diverged, and in red the suggestion, its
 * range shaded. The losses themselves are faint, or strong if they are too few for a trend;
 * validation losses are green. On request, the running loss and every rule's rate. The rates' axis
 * is logarithmic if they are. What lies far above the fall, or far outside the noise, is drawn at
 * the edge, so that a divergence does not flatten the rest.
 *
 * <p>It needs no display. Immutable; thread-safe.
 */
public final class LrPlot {
  private static final double BESIDE = 120; // the plot, about: labels
  private static final double ABOVE_AND_BELOW = 170; // likewise: title, labels and legend
  private static final Color RAW = new Color(0xa9bcd8);
  private static final Color JUDGED = new Color(0x1f4e9c);
  private static final Color RUNNING = new Color(0x6f6f6f);
  private static final Color VALIDATION = new Color(0x2e8b57);
  private static final Color SUGGESTED = new Color(0xd62728);
  private static final Color RANGE = new Color(0xfbe3e3);
  private static final Color BAND = new Color(0xd3deef);
  private static final Color DIVERGED = new Color(0x222222);

  /** A chart, and what it goes over. */
  private record Drawn(XYChart chart, RateRange rates, LossRange losses) {}

  private record Labels(String title, String rate, String loss, String note) {
    Labels {
      Objects.requireNonNull(title, "title");
      Objects.requireNonNull(rate, "rateLabel");
      Objects.requireNonNull(loss, "lossLabel");
      Objects.requireNonNull(note, "note");
    }
  }

  private final Judged judged;
  private final Marks marks;
  private final Labels labels;

  private LrPlot(Judged judged, Marks marks, Labels labels) {
    this.judged = judged;
    this.marks = marks;
    this.labels = labels;
  }

  /**
   * Creates a plot of a curve alone.
   *
   * @param curve what to draw, at least one point
   * @param settings what the sweep was to do
   * @param endReason why the sweep ended
   * @return the plot
   * @throws IllegalArgumentException if the curve is empty
   */
  public static LrPlot of(Curve curve, SweepSettings settings, EndReason endReason) {
    return new LrPlot(
        Judged.of(curve, settings, endReason),
        Marks.NONE,
        new Labels("Learning rate finder", "learning rate", "loss", ""));
  }

  /**
   * Sets the title.
   *
   * @param newTitle default "Learning rate finder"
   * @return a plot like this one with that title
   */
  public LrPlot withTitle(String newTitle) {
    return with(new Labels(newTitle, labels.rate, labels.loss, labels.note));
  }

  /**
   * Sets the axes' labels.
   *
   * @param newRateLabel default "learning rate"
   * @param newLossLabel default "loss"
   * @return a plot like this one with those labels
   */
  public LrPlot withLabels(String newRateLabel, String newLossLabel) {
    return with(new Labels(labels.title, newRateLabel, newLossLabel, labels.note));
  }

  /**
   * Adds a line in small type to the upper right corner, such as what computed the curve.
   *
   * @param newNote default: none, which the empty text is too
   * @return a plot like this one with that note
   */
  public LrPlot withNote(String newNote) {
    return with(new Labels(labels.title, labels.rate, labels.loss, newNote));
  }

  private LrPlot with(Labels newLabels) {
    return new LrPlot(judged, marks, newLabels);
  }

  /**
   * Marks a suggestion by a red point.
   *
   * @param suggestion which
   * @return a plot like this one with that mark
   */
  public LrPlot withSuggestion(Suggestion suggestion) {
    return with(marks.withSuggestion(suggestion));
  }

  /**
   * Shades a range of rates, as far as the curve goes.
   *
   * @param range which
   * @return a plot like this one with that range
   */
  public LrPlot withRange(LrRange range) {
    return with(marks.withRange(range));
  }

  /**
   * Marks what each rule says by a dashed line with its name.
   *
   * @param rules their suggestions, such as {@code LrFinderResult.suggestions()}; that of the
   *     plot's own suggestion is not marked again
   * @return a plot like this one with those marks
   */
  public LrPlot withRules(List<Suggestion> rules) {
    return with(marks.withRules(rules));
  }

  /**
   * Shades what lies between the quartiles of repeated sweeps' trends.
   *
   * @param band of sweeps over the same rates; of a single point nothing is drawn
   * @return a plot like this one with that band
   */
  public LrPlot withBand(Band band) {
    return with(marks.withBand(band));
  }

  /**
   * Draws the running loss, {@link Curve#smoothedLosses}, thin and dashed: what Lightning's and
   * fastai's rules look at. It lags behind the losses, by up to two decades.
   *
   * @return a plot like this one with that line
   */
  public LrPlot withRunningLoss() {
    return with(marks.withRunningLoss());
  }

  private LrPlot with(Marks newMarks) {
    return new LrPlot(judged, newMarks, labels);
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
   * Paints the picture, for notebooks: Jupyter's kernels for Java show an image that is a cell's
   * last value.
   *
   * @return a new image each time, 900 by 600 pixels
   */
  public BufferedImage image() {
    return BitmapEncoder.getBufferedImage(chart());
  }

  /**
   * Hands out the chart, to be changed or shown by other means.
   *
   * @return a new chart each time, for one thread at a time
   */
  public XYChart chart() {
    return drawn(Charts.WIDTH, Charts.HEIGHT, labels.title).chart;
  }

  /**
   * Draws the picture to be put into a page. The title is not drawn but is the element's name for
   * screen readers, with a description in words.
   *
   * @param id a name for parts of the element, unique in the page: letters, digits and hyphens
   * @param width in points, at least {@link SvgPicture#LEAST_WIDTH}
   * @param height in points, at least {@link SvgPicture#LEAST_HEIGHT}
   * @return the picture
   * @throws IllegalArgumentException if it is too small, or the id is no such name
   */
  public SvgPicture toSvg(String id, int width, int height) {
    SvgPicture.require(id, width, height);
    Drawn drawn = drawn(width, height, "");
    return SvgPicture.of(
        drawn.chart, drawn.rates, drawn.losses, new SvgPicture.Words(id, labels.title, inWords()));
  }

  private String inWords() {
    RateRange rates = judged.rates();
    StringBuilder words = new StringBuilder();
    words.append(
        "%s over %s from %s to %s, %s."
            .formatted(
                labels.loss,
                labels.rate,
                Charts.value(rates.low()),
                Charts.value(rates.high()),
                rates.logarithmic() ? "on a logarithmic axis" : "on a linear axis"));
    judged
        .line()
        .ifPresent(
            line -> {
              double[] losses = line.losses();
              words.append(
                  String.format(
                      Locale.ROOT,
                      " The %s begins at %.4g, is lowest at %.4g and ends at %.4g.",
                      judged.smooth() ? "trend" : "loss",
                      losses[0],
                      Arrays.stream(losses).min().orElseThrow(),
                      losses[losses.length - 1]));
            });
    judged.end().ifPresent(end -> words.append(" Marked: " + end.words() + "."));
    marks.suggestion().ifPresent(s -> words.append(" Suggestion: " + Charts.value(s.lr()) + "."));
    return words.toString();
  }

  private Drawn drawn(int width, int height, String title) {
    Curve curve = judged.curve();
    LossRange losses = LossRange.of(curve, judged.line());
    RateRange rates = judged.rates();
    RuleLines rules = new RuleLines(marks, rates);
    LossRange frame =
        losses.withSpaceAbove(rules.spaceAbove(width - BESIDE, height - ABOVE_AND_BELOW));
    XYChart chart = Charts.empty(width, height, title, labels.rate, labels.loss, rates, frame);
    Charts.note(chart, labels.note);
    marks.range().ifPresent(range -> shade(chart, range, rates, losses));
    marks.band().filter(band -> band.size() > 1).ifPresent(band -> draw(chart, band, losses));
    if (judged.smooth()) {
      Charts.line(chart, "loss", curve.rates(), losses.clamp(curve.losses()), RAW, 1.5f);
    }
    if (curve.validationLosses().length > 0) {
      double[] validation = losses.clamp(curve.validationLosses());
      Charts.line(chart, "validation loss", curve.rates(), validation, VALIDATION, 1.8f);
    }
    if (marks.runningLoss()) {
      double[] running = losses.clamp(curve.smoothedLosses());
      Charts.dashed(chart, "running loss", curve.rates(), running, RUNNING);
    }
    judged.line().ifPresent(line -> draw(chart, line, losses));
    rules.draw(chart, frame);
    judged.end().ifPresent(end -> mark(chart, end, losses));
    marks.suggestion().ifPresent(suggestion -> mark(chart, suggestion, losses));
    return new Drawn(chart, rates, frame);
  }

  Judged judged() {
    return judged;
  }

  String note() {
    return labels.note;
  }

  Optional<Suggestion> suggestion() {
    return marks.suggestion();
  }

  private static void shade(XYChart chart, LrRange range, RateRange rates, LossRange losses) {
    double base = rates.clamp(range.base());
    double max = rates.clamp(range.max());
    Charts.area(
        chart,
        "range",
        new double[] {base, max, max, base},
        new double[] {losses.low(), losses.low(), losses.high(), losses.high()},
        RANGE);
  }

  private static void draw(XYChart chart, Band band, LossRange losses) {
    int size = band.size();
    double[] rates = band.rates();
    double[] low = losses.clamp(band.low());
    double[] high = losses.clamp(band.high());
    double[] x = Arrays.copyOf(rates, 2 * size); // there and back
    double[] y = Arrays.copyOf(low, 2 * size);
    for (int i = 0; i < size; i++) {
      x[2 * size - 1 - i] = rates[i];
      y[2 * size - 1 - i] = high[i];
    }
    Charts.area(chart, "repeats' quartiles", x, y, BAND);
  }

  private void draw(XYChart chart, Trend line, LossRange losses) {
    double[] y = losses.clamp(line.losses());
    String name = judged.smooth() ? "trend" : "loss";
    XYSeries series = Charts.line(chart, name, line.rates(), y, JUDGED, 3f);
    if (!judged.smooth()) {
      series.setMarker(SmallMarker.DOT).setMarkerColor(JUDGED);
    }
    if (judged.fall().length > 0) {
      double[] fallen = losses.clamp(judged.at(judged.fall()));
      Charts.points(chart, "half, 4/5, lowest", judged.fall(), fallen, JUDGED, SmallMarker.RING);
    }
  }

  private void mark(XYChart chart, Judged.End end, LossRange losses) {
    double loss = losses.clamp(judged.at(end.lr()));
    Charts.point(chart, end.words(), end.lr(), loss, DIVERGED, SeriesMarkers.CROSS);
  }

  private void mark(XYChart chart, Suggestion suggestion, LossRange losses) {
    double lr =
        judged.rates().clamp(suggestion.lr()); // at the edge, where the curve was cut before it
    double loss = losses.clamp(judged.at(lr));
    double[] stem = {losses.low(), loss};
    Charts.dashed(chart, "stem", new double[] {lr, lr}, stem, SUGGESTED).setShowInLegend(false);
    String name = "suggestion " + Charts.value(suggestion.lr());
    Charts.point(chart, name, lr, loss, SUGGESTED, SeriesMarkers.CIRCLE);
  }

  /**
   * Draws the curve with characters, for terminals: {@code *} the trend, {@code .} the losses,
   * {@code +} where half and four fifths of the fall are behind and where the loss is lowest,
   * {@code O} the suggestion, {@code X} where the loss diverged, {@code ~} the running loss if it
   * was asked for, {@code =} at the foot the range. The last lines say so.
   *
   * @param columns width of the whole, at least 40
   * @param rows height of the whole, at least 8
   * @return lines of at most that width, each ended by a line feed
   * @throws IllegalArgumentException if it is too small
   */
  public String toText(int columns, int rows) {
    return new TextPlot(judged, marks, judged.rates()).draw(columns, rows);
  }
}

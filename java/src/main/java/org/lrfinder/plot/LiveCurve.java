package org.lrfinder.plot;

import java.io.Console;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.SweepListener;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.sweep.SweepStep;

/**
 * Draws a sweep's curve in a terminal while it grows, for sweeps that take a while: over the whole
 * range of rates, the {@linkplain Trend trend} of the losses so far as {@code *}, the losses as
 * {@code .}, and above them the step, its rate and losses, and how long the sweep goes on at most.
 * It draws over itself, ten times a second at most; a sweep that follows, of repeats or in another
 * range, takes its place.
 *
 * <pre>{@code
 * try (LiveCurve live = LiveCurve.onTerminal(System.err, 79, 18)) {
 *   found = LrFinder.builder().listener(live).build().find(task);
 * }
 * }</pre>
 *
 * <p>Closing it takes the drawing away, for the result's own {@link LrPlot#toText} to come after.
 * Drawing takes about a millisecond of the sweep's thread. Not thread-safe: for one sweep at a
 * time.
 */
public final class LiveCurve implements SweepListener, AutoCloseable {
  private static final long INTERVAL = 100_000_000; // nanoseconds
  private static final double NANOSECONDS = 1e9;
  private static final double SECONDS_OF_A_MINUTE = 60;
  private static final double SAME = 1e-6; // relative, of steps of the rate

  private final PrintStream terminal;
  private final boolean quiet;
  private final int columns;
  private final int rows;
  private final LongSupplier clock;
  private final List<SweepStep> steps = new ArrayList<>();
  private long began; // when the first step was done, which may have waited for much
  private long drawn;
  private int lines; // that are on the screen
  private boolean closed;

  LiveCurve(PrintStream terminal, boolean quiet, int columns, int rows, LongSupplier clock) {
    this.terminal = Objects.requireNonNull(terminal, "terminal");
    this.quiet = quiet;
    this.columns = columns;
    this.rows = rows;
    this.clock = clock;
    TextPlot.requireSize(columns, rows);
    drawn = clock.getAsLong();
  }

  /**
   * Draws on the process's terminal; quiet where there is none, as in a pipe, a file or a job, and
   * where it is a dumb one.
   *
   * @param terminal {@code System.out} or {@code System.err}
   * @param columns width of the whole, at least 40 and at most the terminal's
   * @param rows height of the curve, at least 8; with the line above it, and one to spare, the
   *     terminal's at most
   * @return a listener for {@link org.lrfinder.LrFinder.Builder#listener}
   * @throws IllegalArgumentException if it is too small
   */
  public static LiveCurve onTerminal(PrintStream terminal, int columns, int rows) {
    return new LiveCurve(terminal, !isTerminal(), columns, rows, System::nanoTime);
  }

  /** From JDK 22 on there is a console without a terminal too, which knows that. */
  private static boolean isTerminal() {
    Console console = System.console();
    if (console == null || "dumb".equals(System.getenv("TERM"))) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true;
    }
  }

  /**
   * Takes note of a step, and draws what there is if it is time.
   *
   * @throws IllegalStateException if it is closed
   */
  @Override
  public void onStep(SweepStep step) {
    if (closed) {
      throw new IllegalStateException("the live curve is closed");
    }
    if (quiet) {
      return;
    }
    long now = clock.getAsLong();
    if (step.index() == 0) {
      began = now;
      steps.clear();
    }
    steps.add(step);
    if (now - drawn >= INTERVAL) {
      draw(now);
      drawn = now;
    }
  }

  /** Takes the drawing away. */
  @Override
  public void close() {
    closed = true;
    terminal.print(erasing());
    terminal.flush();
    lines = 0;
  }

  private void draw(long now) {
    String picture = shortened(headline(now)) + '\n' + plot();
    terminal.print(erasing() + picture);
    terminal.flush();
    lines = (int) picture.lines().count();
  }

  /** Moves up to the first line of the drawing, and clears from there on. */
  private String erasing() {
    return lines == 0 ? "" : "\033[" + lines + "A\033[J";
  }

  private String headline(long now) {
    SweepStep last = steps.get(steps.size() - 1);
    return String.format(
        Locale.ROOT,
        "step %d of %d, %slr %.2e, loss %.4g, running %.4g",
        last.index() + 1,
        last.steps(),
        last.index() == 0 ? "" : left(last, (now - began) / NANOSECONDS / last.index()),
        last.lr(),
        last.loss(),
        last.smoothedLoss());
  }

  private static String left(SweepStep last, double secondsOfAStep) {
    double seconds = secondsOfAStep * (last.steps() - 1 - last.index());
    return seconds < SECONDS_OF_A_MINUTE
        ? Math.round(seconds) + " s left, "
        : Math.round(seconds / SECONDS_OF_A_MINUTE) + " min left, ";
  }

  private String shortened(String line) {
    return line.substring(0, Math.min(line.length(), columns));
  }

  /** Draws nothing before the third step, which tells how the rates go on. */
  private String plot() {
    if (steps.size() < 3) {
      return "";
    }
    double[] rates = steps.stream().mapToDouble(SweepStep::lr).toArray();
    ScheduleMode mode = mode(rates);
    RateRange all = RateRange.of(rates[0], last(rates, mode), mode);
    Curve curve =
        new Curve(
            rates,
            steps.stream().mapToDouble(SweepStep::loss).toArray(),
            steps.stream().mapToDouble(SweepStep::smoothedLoss).toArray());
    SweepSettings settings =
        SweepSettings.builder()
            .minLr(all.low())
            .maxLr(all.high())
            .steps(steps.get(0).steps())
            .mode(mode)
            .build();
    Optional<Descent> descent = Descent.of(curve, settings);
    Judged judged =
        new Judged(
            curve,
            mode,
            descent.map(Descent::trend).or(() -> Trend.of(curve, settings)),
            descent.isPresent(),
            new double[0], // of half a curve nothing is judged yet
            Optional.empty());
    return new TextPlot(judged, Marks.NONE, all).draw(columns, rows);
  }

  private static ScheduleMode mode(double[] rates) {
    double step = rates[1] - rates[0];
    return Math.abs(rates[2] - rates[1] - step) <= SAME * step
        ? ScheduleMode.LINEAR
        : ScheduleMode.EXPONENTIAL;
  }

  /** Tells at which rate the sweep is to end. */
  private double last(double[] rates, ScheduleMode mode) {
    double share = (steps.get(0).steps() - 1.0) / (rates.length - 1);
    double first = rates[0];
    double now = rates[rates.length - 1];
    return mode == ScheduleMode.EXPONENTIAL
        ? first * Math.pow(now / first, share)
        : first + share * (now - first);
  }
}

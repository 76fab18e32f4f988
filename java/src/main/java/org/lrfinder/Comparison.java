package org.lrfinder;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.plot.OverlayPlot;
import org.lrfinder.report.Findings;
import org.lrfinder.report.HtmlReport;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.EndReason;

/**
 * Sweeps of several settings beside one another, such as weight decays, momenta or batch sizes:
 * what lets a network learn shows in how far its loss falls and how large a rate it bears. After L.
 * N. Smith, <i>A disciplined approach to neural network hyper-parameters</i>, 2018.
 *
 * <pre>{@code
 * Map<String, SweepTask<?>> decays = new LinkedHashMap<>();
 * for (double decay : new double[] {0, 1e-4, 1e-2}) {
 *   decays.put("weight decay " + decay, SweepTask.of(network, adamW(decay), loss, batches));
 * }
 * Comparison compared = Comparison.sweep(finder, decays);
 * compared.plot().save(Path.of("decays.png"));
 * }</pre>
 *
 * @param entries each setting's result, in their order
 */
public record Comparison(List<Entry> entries) {
  /**
   * A setting and what was found with it.
   *
   * @param setting its name
   * @param result what was found
   */
  public record Entry(String setting, LrFinderResult result) {
    /** Creates an entry. */
    public Entry {
      Objects.requireNonNull(setting, "setting");
      Objects.requireNonNull(result, "result");
    }
  }

  /**
   * Compares results.
   *
   * @throws IllegalArgumentException if there are none, or two of the same name
   */
  public Comparison {
    entries = List.copyOf(entries);
    if (entries.isEmpty()) {
      throw new IllegalArgumentException("there is no setting to compare");
    }
    if (entries.stream().map(Entry::setting).distinct().count() < entries.size()) {
      throw new IllegalArgumentException(
          "two settings have the same name: " + entries.stream().map(Entry::setting).toList());
    }
  }

  /**
   * Sweeps each setting, one after the other; a sweep leaves no trace for the next.
   *
   * @param finder does the sweeps
   * @param tasks a name and a task for each setting, in the map's order
   * @return their comparison; if the thread is interrupted or a sweep cancelled, of the settings up
   *     to there
   */
  public static Comparison sweep(LrFinder finder, Map<String, SweepTask<?>> tasks) {
    List<Entry> entries = new ArrayList<>();
    for (Map.Entry<String, SweepTask<?>> task : tasks.entrySet()) {
      LrFinderResult found = finder.find(task.getValue());
      entries.add(new Entry(task.getKey(), found));
      // Of several processes another one may have been interrupted.
      if (Thread.currentThread().isInterrupted() || found.endReason() == EndReason.CANCELLED) {
        break;
      }
    }
    return new Comparison(entries);
  }

  /** {@return the trends laid over one another, with a point at each suggestion} */
  public OverlayPlot plot() {
    Map<String, LrPlot> plots = new LinkedHashMap<>();
    for (Entry entry : entries) {
      if (entry.result.results().size() > 0) {
        plots.put(entry.setting, entry.result.plot(true));
      }
    }
    return OverlayPlot.of(plots);
  }

  /**
   * Lists the settings.
   *
   * @return a Markdown table: status, suggestion, range, largest stable rate, lowest loss of the
   *     {@linkplain Trend trend}; a line for each setting, ended by a line feed
   */
  public String table() {
    StringBuilder table =
        new StringBuilder(
            """
            | setting | status | suggestion | range | largest stable rate | lowest loss |
            |---|---|---|---|---|---|
            """);
    for (Entry entry : entries) {
      LrFinderResult result = entry.result;
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %s | %s | %s | %s | %.4g |\n",
              entry.setting,
              result.status(),
              result.suggestion().map(s -> rate(s.lr())).orElse("-"),
              result.cyclicRange().map(r -> rate(r.base()) + " to " + rate(r.max())).orElse("-"),
              result.largestStableLr().isPresent()
                  ? rate(result.largestStableLr().getAsDouble())
                  : "-",
              lowest(result)));
    }
    return table.toString();
  }

  /** {@return a page that compares the settings and tells of each, to be saved} */
  public HtmlReport report() {
    Map<String, Findings> findings = new LinkedHashMap<>();
    entries.forEach(entry -> findings.put(entry.setting, entry.result.findings()));
    return HtmlReport.of(findings);
  }

  private static double lowest(LrFinderResult result) {
    return Trend.of(result.results(), result.settings()).stream()
        .flatMapToDouble(trend -> Arrays.stream(trend.losses()))
        .min()
        .orElse(Double.NaN);
  }

  private static String rate(double lr) {
    return String.format(Locale.ROOT, "%.2e", lr);
  }
}

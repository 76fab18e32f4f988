package org.lrfinder.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.plot.OverlayPlot;
import org.lrfinder.suggestion.Trend;

/**
 * What the template shows of a report.
 *
 * @param comparison the sweeps beside one another; empty of a single one
 */
record Page(String title, String version, Optional<Comparison> comparison, List<Section> sections) {
  private static final int LONGEST = 40; // name in a legend, which does not break lines

  /**
   * Sweeps beside one another.
   *
   * @param pictures empty if none has a finite loss
   */
  record Comparison(Optional<Pictures> pictures, List<Compared> rows) {}

  /** A line of the table. */
  record Compared(
      String id,
      String name,
      String status,
      String suggestion,
      String range,
      String stable,
      String lowest) {}

  static Page of(String title, Map<String, Findings> findings) {
    List<Section> sections = new ArrayList<>();
    findings.forEach(
        (name, found) -> sections.add(Section.of("sweep-" + (sections.size() + 1), name, found)));
    String version = Page.class.getPackage().getImplementationVersion();
    return new Page(
        title,
        version == null ? "(development)" : version,
        findings.size() > 1 ? Optional.of(comparison(findings, sections)) : Optional.empty(),
        sections);
  }

  private static Comparison comparison(Map<String, Findings> findings, List<Section> sections) {
    Map<String, LrPlot> plots = new LinkedHashMap<>();
    List<Compared> rows = new ArrayList<>();
    findings.forEach(
        (name, found) -> {
          Optional<Trend> trend = Trend.of(found.curve(), found.settings());
          if (trend.isPresent()) {
            plots.put(shortened(name, rows.size() + 1), found.plot().orElseThrow().withNote(""));
          }
          rows.add(
              new Compared(
                  sections.get(rows.size()).id(),
                  name,
                  found.answer().status().words(),
                  found.answer().suggestion().map(s -> Words.rate(s.lr())).orElse("none"),
                  found.answer().cyclicRange().map(Words::range).orElse(""),
                  Words.rate(found.answer().largestStableLr()),
                  trend
                      .map(t -> Words.loss(Arrays.stream(t.losses()).min().orElseThrow()))
                      .orElse("")));
        });
    return new Comparison(
        plots.isEmpty() ? Optional.empty() : Optional.of(Pictures.of(OverlayPlot.of(plots))), rows);
  }

  /** Of a long name the beginning, with a number that keeps it apart from others. */
  private static String shortened(String name, int number) {
    return name.length() <= LONGEST
        ? name
        : "%s... (%d)".formatted(name.substring(0, LONGEST), number);
  }
}

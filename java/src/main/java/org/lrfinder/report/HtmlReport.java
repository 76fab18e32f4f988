package org.lrfinder.report;

import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.lrfinder.internal.io.AtomicFile;

/**
 * A page that tells what sweeps found, in one HTML file that needs no network and lets nothing but
 * its own style and script run: the answer and what to do next, the curve with its values, what
 * each rule says, settings, what computed it, and the code that takes the answer over. Results'
 * {@code report()} makes it. Immutable; thread-safe.
 */
public final class HtmlReport {
  private static final String TITLE = "Learning rate finder";

  private final Map<String, Findings> findings;
  private final String title;

  private HtmlReport(Map<String, Findings> findings, String title) {
    this.findings = findings;
    this.title = title;
  }

  /**
   * Reports on one sweep.
   *
   * @param findings what it found
   * @return the report
   */
  public static HtmlReport of(Findings findings) {
    return of(Map.of("", findings));
  }

  /**
   * Reports on several sweeps: their curves over one another, a table that compares them, and then
   * each by itself.
   *
   * @param findings by their names, which may be any text; in the map's order
   * @return the report
   * @throws IllegalArgumentException if there are none
   */
  public static HtmlReport of(Map<String, Findings> findings) {
    if (findings.isEmpty()) {
      throw new IllegalArgumentException("there is no result to report on");
    }
    findings.forEach(
        (name, found) -> {
          Objects.requireNonNull(name, "name");
          Objects.requireNonNull(found, "findings");
        });
    return new HtmlReport(Collections.unmodifiableMap(new LinkedHashMap<>(findings)), TITLE);
  }

  /**
   * Sets the page's title and heading.
   *
   * @param newTitle default "Learning rate finder"
   * @return a report like this one with that title
   */
  public HtmlReport withTitle(String newTitle) {
    return new HtmlReport(findings, Objects.requireNonNull(newTitle, "newTitle"));
  }

  /** {@return the page, in UTF-8 when stored} */
  public String html() {
    return Templates.page(Page.of(title, findings));
  }

  /**
   * Writes the page, by atomic rename.
   *
   * @param file where to; its folder must exist
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public void save(Path file) {
    AtomicFile.write(file, html().getBytes(StandardCharsets.UTF_8));
  }
}

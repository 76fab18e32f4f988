package org.lrfinder.cli.doctor;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** A diagnosis in words, for people. */
public final class DoctorReport {
  private static final int LONGEST_LIST = 4; // that is printed whole

  private final PrintWriter out;

  /**
   * Creates a report.
   *
   * @param out where to; flushed after each section
   */
  public DoctorReport(PrintWriter out) {
    this.out = out;
  }

  /** Prints what a check saw. */
  public void print(Section section) {
    if (!section.facts().isEmpty()) {
      out.println(words(section.name()));
      section.facts().forEach((name, value) -> print("  ", name, value));
      out.flush();
    }
  }

  private void print(String indent, String name, Object value) {
    if (value instanceof Map<?, ?> facts) {
      String inner =
          facts.entrySet().stream()
              .map(fact -> "%s %s".formatted(words(fact.getKey().toString()), fact.getValue()))
              .collect(Collectors.joining(", "));
      out.println(indent + name + ": " + inner);
    } else {
      out.println(indent + words(name) + ": " + shown(name, value));
    }
  }

  private static String words(String name) {
    return name.contains(".") ? name : name.replaceFirst("_(bytes|us)$", "").replace('_', ' ');
  }

  private static String shown(String name, Object value) {
    if (value instanceof Boolean truth) {
      return truth ? "yes" : "no";
    }
    if (name.endsWith("_bytes") && value instanceof Number bytes) {
      return (bytes.longValue() >> 20) + " MiB";
    }
    if (name.endsWith("_us")) {
      return String.format(Locale.ROOT, "%.1f microseconds", ((Number) value).doubleValue());
    }
    if (value instanceof Double number) {
      return String.format(Locale.ROOT, "%.3g", number);
    }
    if (value instanceof List<?> list) {
      return list.size() > LONGEST_LIST
          ? list.size() + " (--json has them)"
          : list.stream().map(Object::toString).collect(Collectors.joining(" "));
    }
    return value.toString();
  }

  /** Prints what is wrong and how to mend it, or that nothing is. */
  public void printFindings(Diagnosis diagnosis) {
    List<Finding> findings = diagnosis.findings();
    out.println();
    if (diagnosis.isHealthy()) {
      out.println("healthy: there is nothing to mend");
    }
    for (int i = 0; i < findings.size(); i++) {
      Finding finding = findings.get(i);
      out.println("%d. %s: %s".formatted(i + 1, finding.severity(), finding.problem()));
      out.println(
          "   %s%s".formatted(finding.cure().how(), finding.cure().lines().isEmpty() ? "" : ":"));
      finding.cure().lines().forEach(line -> out.println("     " + line));
    }
    if (!diagnosis.isHealthy()) {
      out.println("then run lrfinder doctor again");
    }
    out.flush();
  }
}

package org.lrfinder.cli.doctor;

import java.util.Locale;

/** How bad a finding is, the worst first. */
public enum Severity {
  /** Something does not work. */
  BROKEN,
  /** All works, but takes longer than it should. */
  SLOW,
  /** Good to know; nothing has to be mended. */
  NOTE;

  /** {@return its name in reports and JSON} */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

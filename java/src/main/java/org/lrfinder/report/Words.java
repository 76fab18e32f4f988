package org.lrfinder.report;

import java.util.Locale;
import java.util.OptionalDouble;
import org.lrfinder.suggestion.LrRange;

/** Numbers as a page shows them: as many digits as a reader needs, the same in every locale. */
final class Words {
  private Words() {}

  static String rate(double lr) {
    return of("%.2e", lr);
  }

  static String rate(OptionalDouble lr) {
    return lr.isPresent() ? rate(lr.getAsDouble()) : "";
  }

  static String range(LrRange range) {
    return rate(range.base()) + " to " + rate(range.max());
  }

  static String loss(double loss) {
    return of("%.5g", loss);
  }

  static String of(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}

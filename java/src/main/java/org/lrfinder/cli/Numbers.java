package org.lrfinder.cli;

import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Numbers as people write them, whatever the locale. */
final class Numbers {
  // Longer ones are no whole numbers that fit, and slow to read.
  private static final int MOST_DIGITS = 400;

  private Numbers() {}

  /** {@return a finite number with a decimal point; null for anything else} */
  static @Nullable Double finite(String text) {
    // What is a number to Java alone: 1d, 2f, 0x1p3.
    if (text.isEmpty()
        || "dDfF".indexOf(text.charAt(text.length() - 1)) >= 0
        || isHexadecimal(text)) {
      return null;
    }
    try {
      double value = Double.parseDouble(text);
      return Double.isFinite(value) ? value : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private static boolean isHexadecimal(String text) {
    return text.indexOf('x') >= 0 || text.indexOf('X') >= 0;
  }

  /** Lets options of type int, long and double be written with an exponent, and no other way. */
  static CommandLine registerWith(CommandLine commandLine) {
    // One reference for both: two of the same in a class make JDK 17 crash as it writes an archive.
    ITypeConverter<Double> real = Numbers::real;
    return commandLine
        .registerConverter(
            int.class, text -> (int) whole(text, Integer.MIN_VALUE, Integer.MAX_VALUE))
        .registerConverter(
            Integer.class, text -> (int) whole(text, Integer.MIN_VALUE, Integer.MAX_VALUE))
        .registerConverter(long.class, text -> whole(text, Long.MIN_VALUE, Long.MAX_VALUE))
        .registerConverter(Long.class, text -> whole(text, Long.MIN_VALUE, Long.MAX_VALUE))
        .registerConverter(double.class, real)
        .registerConverter(Double.class, real);
  }

  private static long whole(String text, long least, long most) {
    try {
      if (text.length() <= MOST_DIGITS) {
        long value = new BigDecimal(text.strip()).longValueExact();
        if (value >= least && value <= most) {
          return value;
        }
      }
    } catch (ArithmeticException | NumberFormatException e) {
      // As is said below.
    }
    throw new TypeConversionException(
        "'%s' is not a whole number from %d to %d".formatted(text, least, most));
  }

  /** {@return a finite number, which is no other one than was written} */
  static double real(String text) {
    String stripped = text.strip();
    Double value = finite(stripped);
    if (value == null || (value == 0 && stripped.split("[eE]")[0].matches(".*[1-9].*"))) {
      throw new TypeConversionException(
          "'%s' is not a number, 0 or of a size from %s to %s"
              .formatted(text, Double.MIN_VALUE, Double.MAX_VALUE));
    }
    return value;
  }
}

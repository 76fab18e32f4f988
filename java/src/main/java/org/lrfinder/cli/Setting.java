package org.lrfinder.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** What {@code --compare} varies, such as {@code weight-decay=0,1e-4}. */
record Setting(Kind kind, List<Double> values) {
  /** Settings of the optimizer, and the batch size. */
  enum Kind {
    WEIGHT_DECAY,
    MOMENTUM,
    BATCH_SIZE;

    private String words() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private boolean allows(double value) {
      return switch (this) {
        case WEIGHT_DECAY -> value >= 0 && Double.isFinite(value);
        case MOMENTUM -> value >= 0 && value < 1;
        case BATCH_SIZE -> value >= 1 && value == Math.rint(value) && value <= Integer.MAX_VALUE;
      };
    }

    private String allowed() {
      return switch (this) {
        case WEIGHT_DECAY -> "finite and at least 0";
        case MOMENTUM -> "at least 0 and less than 1";
        case BATCH_SIZE -> "a whole number of at least 1";
      };
    }
  }

  String name(double value) {
    return kind.words() + " " + (value == (long) value ? "" + (long) value : "" + value);
  }

  /** {@return what it is to an optimizer: nothing, if it is the batch size} */
  Map<String, Double> options(double value) {
    return kind == Kind.BATCH_SIZE ? Map.of() : Map.of(kind.name().toLowerCase(Locale.ROOT), value);
  }

  /** Reads one from the command line. */
  static final class Converter implements ITypeConverter<Setting> {
    @Override
    public Setting convert(String text) {
      String[] parts = text.split("=", 2);
      Kind kind =
          Arrays.stream(Kind.values())
              .filter(k -> k.words().equals(parts[0]) && parts.length == 2)
              .findFirst()
              .orElseThrow(
                  () ->
                      new TypeConversionException(
                          "\"%s\" is not weight-decay=, momentum= or batch-size= and values"
                              .formatted(text)));
      List<Double> values = Arrays.stream(parts[1].split(",")).map(Numbers::real).toList();
      for (double value : values) {
        if (!kind.allows(value)) {
          throw new TypeConversionException(
              "%s is %s, but must be %s".formatted(kind.words(), value, kind.allowed()));
        }
      }
      return new Setting(kind, values.stream().distinct().toList());
    }
  }
}

package org.lrfinder.cli;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import org.lrfinder.sweep.Loss;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Losses by name, and what they compare. */
final class LossOption {
  private LossOption() {}

  /** {@return its name on the command line, which is near PyTorch's: {@code cross_entropy}} */
  static String name(Loss loss) {
    return loss.name().toLowerCase(Locale.ROOT);
  }

  /** {@return whether its targets are class indices, or may be} */
  static boolean takesIndices(Loss loss) {
    return loss == Loss.CROSS_ENTROPY || loss == Loss.NEGATIVE_LOG_LIKELIHOOD;
  }

  /** {@return what the target of a table is to it} */
  static DataSet.Task taskOf(Loss loss) {
    return takesIndices(loss) || loss == Loss.BINARY_CROSS_ENTROPY_WITH_LOGITS
        ? DataSet.Task.CLASSIFICATION
        : DataSet.Task.REGRESSION;
  }

  /** {@return that of a task of which nothing else is said} */
  static Loss of(DataSet.Task task) {
    return task == DataSet.Task.CLASSIFICATION ? Loss.CROSS_ENTROPY : Loss.MSE;
  }

  /** All there are. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(Loss.values()).map(LossOption::name).iterator();
    }
  }

  /** Reads one from the command line, with hyphens too. */
  static final class Converter implements ITypeConverter<Loss> {
    @Override
    public Loss convert(String text) {
      return Arrays.stream(Loss.values())
          .filter(loss -> loss.name().equalsIgnoreCase(text.replace('-', '_')))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "there is no loss \"%s\"; there are %s"
                          .formatted(text, String.join(", ", new Names()))));
    }
  }
}

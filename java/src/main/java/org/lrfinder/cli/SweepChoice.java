package org.lrfinder.cli;

import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.sweep.Precision;
import org.lrfinder.sweep.ScheduleMode;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Options of {@code find}: the sweep's rates, and how a step computes. */
final class SweepChoice {
  @Option(
      names = "--min-lr",
      paramLabel = "RATE",
      description = "First learning rate. Default: ${DEFAULT-VALUE}")
  private double minLr = AnswerOptions.MIN_LR;

  @Option(
      names = "--max-lr",
      paramLabel = "RATE",
      description = "Last learning rate. Default: ${DEFAULT-VALUE}")
  private double maxLr = AnswerOptions.MAX_LR;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Optimizer steps of the first sweep. Default: 60 where a closer one follows (see --auto-steps), else 300")
  private @Nullable Integer steps;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description = "exponential or linear. Default: exponential")
  private ScheduleMode mode = ScheduleMode.EXPONENTIAL;

  @Option(
      names = "--precision",
      paramLabel = "TYPE",
      converter = PrecisionConverter.class,
      completionCandidates = Precisions.class,
      description =
          "as-parameters, or bf16: forward passes in bfloat16 where that is safe (autocast). Default: as-parameters")
  private Precision precision = Precision.AS_PARAMETERS;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads; 0 lets the engine choose. Default: ${DEFAULT-VALUE}")
  private int threads = 0;

  /** By the names that Python's trainers have for them. */
  static final class Precisions implements Iterable<String> {
    private static final List<String> NAMES = List.of("as-parameters", "bf16"); // as the enum

    @Override
    public Iterator<String> iterator() {
      return NAMES.iterator();
    }
  }

  /** Reads one from the command line. */
  static final class PrecisionConverter implements ITypeConverter<Precision> {
    @Override
    public Precision convert(String text) {
      return Arrays.stream(Precision.values())
          .filter(precision -> Precisions.NAMES.get(precision.ordinal()).equalsIgnoreCase(text))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "precision is \"%s\", but must be %s"
                          .formatted(text, String.join(" or ", Precisions.NAMES))));
    }
  }

  int steps(AnswerOptions answer) {
    return steps != null ? steps : answer.steps(mode);
  }

  /** Sets what these say; the values are checked when the finder is built. */
  LrFinder.Builder applyTo(LrFinder.Builder finder, AnswerOptions answer) {
    return finder
        .minLr(minLr)
        .maxLr(maxLr)
        .steps(steps(answer))
        .mode(mode)
        .precision(precision)
        .threads(threads);
  }
}

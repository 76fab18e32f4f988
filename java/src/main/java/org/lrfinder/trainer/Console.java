package org.lrfinder.trainer;

import java.io.PrintStream;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Suggestion;

/** What a trainer says to people: lines, and bars where they are wanted. */
final class Console {
  private static final int COLUMNS = 100;

  private final PrintStream stream;
  private final boolean bars;

  Console(PrintStream stream, boolean bars) {
    this.stream = stream;
    this.bars = bars;
  }

  void learningRateSet(LearningRateAttribute attribute, Suggestion suggestion) {
    say(
        "learning rate finder: %s set to %s (rule %s)",
        attribute.description(), rate(suggestion.lr()), suggestion.rule());
  }

  void learningRateKept(LearningRateAttribute attribute, LrFinderResult found) {
    say(
        "learning rate finder: no suggestion, %s; %s stays %s",
        found.status().words(), attribute.description(), attribute.value());
  }

  /** Where bars are wanted, a bar with no end yet; else null. */
  @Nullable ProgressBar bar(String task, long steps) {
    return bars
        ? new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(steps)
            .setStyle(ProgressBarStyle.ASCII)
            .setConsumer(new ConsoleProgressBarConsumer(stream, COLUMNS))
            .build()
        : null;
  }

  static String task(long epoch, int maxEpochs) {
    return "epoch " + (epoch + 1) + (maxEpochs == Integer.MAX_VALUE ? "" : "/" + maxEpochs);
  }

  static String message(double loss, double lr) {
    return String.format(Locale.ROOT, "loss %.4g, lr %s", loss, rate(lr));
  }

  void epochDone(TrainingEpoch epoch, int maxEpochs) {
    String validation =
        epoch.validationLoss().isPresent()
            ? String.format(
                Locale.ROOT, ", validation loss %.4g", epoch.validationLoss().getAsDouble())
            : "";
    if (!bars || !validation.isEmpty()) {
      say(
          "%s: %s%s",
          task(epoch.epoch(), maxEpochs), message(epoch.trainLoss(), epoch.lr()), validation);
    }
  }

  private void say(String format, Object... arguments) {
    stream.println(String.format(Locale.ROOT, format, arguments));
  }

  private static String rate(double lr) {
    return String.format(Locale.ROOT, "%.3e", lr);
  }
}

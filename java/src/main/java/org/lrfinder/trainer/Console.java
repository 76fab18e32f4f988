package org.lrfinder.trainer;

import java.io.PrintStream;
import java.util.Locale;
import java.util.OptionalDouble;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.EndReason;

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
        attribute.description(), rate(attribute.value()), suggestion.rule());
  }

  void learningRateNotUsed(LearningRateAttribute attribute, double used) {
    say(
        "learning rate finder: configureOptimizers() does not use %s: it made an optimizer with the rate %s",
        attribute.description(), rate(used));
  }

  void learningRateKept(LearningRateAttribute attribute, LrFinderResult found) {
    String why =
        found.endReason() == EndReason.COMPLETED
            ? found.status().words()
            : "the sweep " + found.endReason().words() + "; " + found.status().words();
    say(
        "learning rate finder: no suggestion (%s); %s stays %s",
        why, attribute.description(), attribute.value());
  }

  void warning(String warning) {
    say("learning rate finder: %s", warning);
  }

  /** Where bars are wanted, one; else null. */
  @Nullable Bar bar(String task, long steps) {
    return bars ? new Bar(task, steps, stream) : null;
  }

  /** A line that is drawn over until it is closed. */
  static final class Bar implements AutoCloseable {
    private final PrintStream stream;
    private final ProgressBar bar;

    private Bar(String task, long steps, PrintStream stream) {
      this.stream = stream;
      this.bar =
          new ProgressBarBuilder()
              .setTaskName(task)
              .setInitialMax(steps)
              .setStyle(ProgressBarStyle.ASCII)
              .setConsumer(new Line(stream))
              .build();
    }

    void stepTo(long step) {
      bar.stepTo(step);
    }

    void stepTo(long step, long steps) {
      bar.maxHint(steps);
      bar.stepTo(step);
    }

    void message(String message) {
      bar.setExtraMessage(message);
    }

    /** Waits for the last drawing, also on a thread that is interrupted, and ends the line. */
    @Override
    public void close() {
      boolean interrupted = Thread.interrupted();
      bar.close();
      stream.println();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private record Line(PrintStream stream) implements ProgressBarConsumer {
    @Override
    public int getMaxRenderedLength() {
      return COLUMNS;
    }

    @Override
    public void accept(String drawing) {
      stream.print('\r' + drawing);
      stream.flush();
    }

    /** A bar calls this for each of its last drawings, of which there may be two. */
    @Override
    public void close() {}
  }

  static String task(long epoch, int maxEpochs) {
    return "epoch " + (epoch + 1) + (maxEpochs == Integer.MAX_VALUE ? "" : "/" + maxEpochs);
  }

  static String message(double loss, double lr, OptionalDouble validationLoss) {
    String message = String.format(Locale.ROOT, "loss %.4g, lr %s", loss, rate(lr));
    return validationLoss.isPresent()
        ? message
            + String.format(Locale.ROOT, ", validation loss %.4g", validationLoss.getAsDouble())
        : message;
  }

  /** Without bars, a line. */
  void epochDone(TrainingEpoch epoch, int maxEpochs) {
    if (!bars) {
      say(
          "%s: %s",
          task(epoch.epoch(), maxEpochs),
          message(epoch.trainLoss(), epoch.lr(), epoch.validationLoss()));
    }
  }

  private void say(String format, Object... arguments) {
    stream.println(String.format(Locale.ROOT, format, arguments));
  }

  private static String rate(@Nullable Number lr) {
    return lr == null ? "null" : String.format(Locale.ROOT, "%.3e", lr.doubleValue());
  }
}

package org.lrfinder.export;

import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.lrfinder.io.AtomicFile;
import org.lrfinder.sweep.Curve;

/**
 * Curves as CSV: a header line, then a line for each point with step, learning rate, loss and
 * smoothed loss, in full precision.
 */
public final class CurveCsv {
  private CurveCsv() {}

  /**
   * Writes a curve, by atomic rename.
   *
   * @param curve what to write
   * @param file where to; its folder must exist
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched
   */
  public static void write(Curve curve, Path file) {
    double[] rates = curve.rates();
    double[] losses = curve.losses();
    double[] smoothed = curve.smoothedLosses();
    StringBuilder text = new StringBuilder("step,lr,loss,smoothed_loss\n");
    for (int i = 0; i < rates.length; i++) {
      // Concatenation knows no locale.
      text.append(i)
          .append(',')
          .append(rates[i])
          .append(',')
          .append(losses[i])
          .append(',')
          .append(smoothed[i])
          .append('\n');
    }
    AtomicFile.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
  }
}

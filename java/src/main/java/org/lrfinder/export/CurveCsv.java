package org.lrfinder.export;

import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.lrfinder.internal.io.AtomicFile;
import org.lrfinder.sweep.Curve;

/**
 * Curves as CSV: a header line, then a line for each point with step, learning rate, loss, smoothed
 * loss and, if there is one, validation loss, in full precision.
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
    double[] validation = curve.validationLosses();
    StringBuilder text = new StringBuilder("step,lr,loss,smoothed_loss");
    text.append(validation.length > 0 ? ",validation_loss\n" : "\n");
    for (int i = 0; i < rates.length; i++) {
      // Concatenation knows no locale.
      text.append(i + "," + rates[i] + "," + losses[i] + "," + smoothed[i]);
      if (validation.length > 0) {
        text.append(',').append(validation[i]);
      }
      text.append('\n');
    }
    AtomicFile.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
  }
}

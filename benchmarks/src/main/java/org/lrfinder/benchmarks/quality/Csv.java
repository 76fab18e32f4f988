package org.lrfinder.benchmarks.quality;

import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.lrfinder.benchmarks.Report;

/** Every answer, for those who want to count otherwise. */
final class Csv {
  private Csv() {}

  static void write(List<Row> rows, Path file) throws IOException {
    try (PrintWriter out =
        new PrintWriter(
            new OutputStreamWriter(
                new GZIPOutputStream(Files.newOutputStream(file)), StandardCharsets.US_ASCII))) {
      out.print(
          "folder,network,optimizer,finder,steps,repeat,seed,taken,status,lr,regret,low,high,base,max,stable,micros\n");
      for (Row row : rows) {
        for (Run run : row.measured().runs()) {
          out.print(line(row, run, false));
        }
        for (Run run : row.measured().repeats()) {
          out.print(line(row, run, true));
        }
      }
      if (out.checkError()) {
        throw new IOException("cannot write " + file);
      }
    }
  }

  private static String line(Row row, Run run, boolean repeat) {
    return Report.format(
        "%s,%s,%s,%s,%d,%d,%d,%d,%s,%s,%.4f,%s,%s,%s,%s,%s,%s\n",
        row.folder(),
        row.name().network(),
        row.name().optimizer(),
        run.finder(),
        run.steps(),
        repeat ? 1 : 0,
        run.seed(),
        run.spent(),
        run.status(),
        number(run.lr()),
        run.regret(row.truth()),
        number(run.low()),
        number(run.high()),
        number(run.base()),
        number(run.max()),
        number(run.stable()),
        number(run.micros()));
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "" : Report.format("%.4e", value);
  }
}

package org.lrfinder.benchmarks.speed;

import java.util.Locale;

/**
 * One measured value.
 *
 * @param setting BLAS and threads
 * @param figure what was measured
 * @param subject the case's label, or the curve a point belongs to
 * @param x the steps of the sweep, or the point on the curve
 * @param contender who did it
 * @param round in which those of the same setting, figure and subject took turns
 * @param value microseconds, or what the figure says
 */
record Row(
    String setting,
    String figure,
    String subject,
    int x,
    String contender,
    int round,
    double value) {
  static final String HEADER = "setting,figure,subject,x,contender,round,value";

  String csv() {
    return String.format(
        Locale.ROOT,
        "%s,%s,%s,%d,%s,%d,%.1f",
        setting,
        figure,
        subject,
        x,
        contender,
        round,
        value);
  }

  static Row parse(String line) {
    String[] cells = line.split(",", -1);
    return new Row(
        cells[0],
        cells[1],
        cells[2],
        Integer.parseInt(cells[3]),
        cells[4],
        Integer.parseInt(cells[5]),
        Double.parseDouble(cells[6]));
  }
}

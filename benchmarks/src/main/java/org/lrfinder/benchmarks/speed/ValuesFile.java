package org.lrfinder.benchmarks.speed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/** Every measured value, as CSV, gzipped or not; the notes are lines that begin with a hash. */
final class ValuesFile {
  private static final String NOTE = "# ";

  private ValuesFile() {}

  static void read(Path file, List<Row> rows, Notes notes) throws IOException {
    try (InputStream raw = Files.newInputStream(file);
        InputStream plain = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw;
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(plain, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(NOTE)) {
          notes.add(line.substring(NOTE.length()));
        } else if (!line.equals(Row.HEADER)) {
          rows.add(Row.parse(line));
        }
      }
    }
  }

  static void write(Path file, List<Row> rows, Notes notes) throws IOException {
    try (PrintWriter lines =
        new PrintWriter(
            new GZIPOutputStream(Files.newOutputStream(file)), false, StandardCharsets.UTF_8)) {
      notes.lines().forEach(note -> lines.println(NOTE + note));
      lines.println(Row.HEADER);
      rows.forEach(row -> lines.println(row.csv()));
    }
  }
}

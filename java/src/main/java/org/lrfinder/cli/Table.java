package org.lrfinder.cli;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * A CSV file: a header line and at least one row with as many cells, none of them empty.
 *
 * @param name of the file, for messages
 * @param columns their names
 * @param rows the cells
 */
record Table(String name, List<String> columns, List<Row> rows) {
  private static final char BYTE_ORDER_MARK = '\uFEFF';
  private static final int GZIP_MAGIC = 0x1f8b;

  /** A row and the line that it starts on. */
  record Row(long line, List<String> cells) {}

  /** Reads a file, gzipped or not. */
  static Table read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString());
    } catch (NoSuchFileException e) {
      throw new InputException("there is no file " + file);
    } catch (IOException | UncheckedIOException e) {
      throw new InputException("cannot read " + file + ": " + e.getMessage());
    }
  }

  static Table read(InputStream in, String name) throws IOException {
    List<CsvRecord> records;
    try (CsvReader<CsvRecord> reader =
        CsvReader.builder()
            .skipEmptyLines(true)
            .allowExtraFields(true)
            .allowMissingFields(true)
            .ofCsvRecord(new InputStreamReader(unzipped(in), StandardCharsets.UTF_8))) {
      records = reader.stream().toList();
    } catch (CsvParseException e) {
      String cause = e.getCause() == null ? "" : ", " + e.getCause().getMessage();
      throw new InputException(name + ": " + e.getMessage() + cause);
    }
    if (records.isEmpty()) {
      throw new InputException(name + " is empty: a header line and rows are needed");
    }
    List<String> columns = header(records.get(0));
    List<Row> rows = new ArrayList<>(records.size() - 1);
    for (CsvRecord csv : records.subList(1, records.size())) {
      rows.add(row(csv, columns, name));
    }
    if (rows.isEmpty()) {
      throw new InputException(name + " has a header line and no rows");
    }
    return new Table(name, columns, rows);
  }

  private static InputStream unzipped(InputStream in) throws IOException {
    BufferedInputStream buffered = new BufferedInputStream(in);
    buffered.mark(2);
    boolean zipped = (buffered.read() << 8 | buffered.read()) == GZIP_MAGIC;
    buffered.reset();
    return zipped ? new GZIPInputStream(buffered) : buffered;
  }

  private static List<String> header(CsvRecord csv) {
    List<String> names = new ArrayList<>(csv.getFields().stream().map(String::strip).toList());
    String first = names.get(0);
    if (!first.isEmpty() && first.charAt(0) == BYTE_ORDER_MARK) {
      names.set(0, first.substring(1));
    }
    return List.copyOf(names);
  }

  private static Row row(CsvRecord csv, List<String> columns, String name) {
    long line = csv.getStartingLineNumber();
    if (csv.getFieldCount() != columns.size()) {
      throw new InputException(
          "%s, line %d: %d cells, but the header has %d"
              .formatted(name, line, csv.getFieldCount(), columns.size()));
    }
    List<String> cells = csv.getFields().stream().map(String::strip).toList();
    int empty = cells.indexOf("");
    if (empty >= 0) {
      throw new InputException(
          "%s, line %d, column %s: the cell is empty".formatted(name, line, columns.get(empty)));
    }
    return new Row(line, cells);
  }

  /** The index of a column. */
  int column(String wanted) {
    int index = columns.indexOf(wanted);
    if (index < 0) {
      throw new InputException(
          "%s has no column %s; it has %s".formatted(name, wanted, String.join(", ", columns)));
    }
    if (index != columns.lastIndexOf(wanted)) {
      throw new InputException("%s has more than one column %s".formatted(name, wanted));
    }
    return index;
  }

  /** The numbers of a column. */
  double[] numbers(int column) {
    double[] numbers = new double[rows.size()];
    for (int i = 0; i < numbers.length; i++) {
      Row row = rows.get(i);
      Double number = number(row.cells.get(column));
      if (number == null) {
        throw new InputException(
            "%s, line %d, column %s: \"%s\" is not a finite number"
                .formatted(name, row.line, columns.get(column), row.cells.get(column)));
      }
      numbers[i] = number;
    }
    return numbers;
  }

  /** A finite number with a decimal point, whatever the locale; null for anything else. */
  static @Nullable Double number(String cell) {
    try {
      double value = Double.parseDouble(cell);
      return Double.isFinite(value) ? value : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  List<String> cells(int column) {
    return rows.stream().map(row -> row.cells.get(column)).toList();
  }
}

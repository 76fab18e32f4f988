package org.lrfinder.cli;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;

/**
 * What a CSV file holds: a header line and at least one row with as many cells, none of them empty.
 * Those of all columns but the target are numbers.
 */
final class Table {
  private static final int GZIP_MAGIC = 0x1f8b;
  private static final int MOST_CHARACTERS_OF_A_CELL = 1 << 20;
  private static final int FIRST_ROWS = 1024;

  private final String name;
  private final Limits limits;
  private final List<String> columns;
  private final int target;
  private final double[][] numbers; // by column; of the target NaN where it has a word
  private final Map<String, Integer> values = new LinkedHashMap<>(); // of the target, by first row
  private int[] valueOfRow = new int[FIRST_ROWS];
  private int rows;
  private @Nullable String word; // the target's first that is no number, with its line
  private boolean tooManyValues;

  private Table(String name, CsvRecord header, String target, Limits limits) {
    this.name = name;
    this.limits = limits;
    this.columns = columns(header);
    this.target = target(target);
    this.numbers = new double[columns.size()][FIRST_ROWS];
  }

  /**
   * Reads a file, gzipped or not; {@code -} is the standard input.
   *
   * @throws InterruptedException if the thread is interrupted, also while it waits for a pipe
   */
  static Table read(Path file, String target, Limits limits) throws InterruptedException {
    boolean standard = isStandardInput(file);
    String name = nameOf(file);
    // Of a pipe, the channel that Files opens does not know how much it has.
    try (FileInputStream stream =
            standard ? new FileInputStream(FileDescriptor.in) : new FileInputStream(file.toFile());
        FileChannel channel = stream.getChannel();
        InputStream in = Channels.newInputStream(channel)) {
      return read(in, name, target, limits);
    } catch (FileNotFoundException e) {
      throw new InputException(
          Files.exists(file) ? "cannot read " + e.getMessage() : "there is no file " + file);
    } catch (ClosedByInterruptException e) {
      throw new InterruptedException();
    } catch (IOException e) {
      throw new InputException("cannot read %s: %s".formatted(name, e.getMessage()));
    }
  }

  private static boolean isStandardInput(Path file) {
    return file.toString().equals("-");
  }

  /** {@return what a file is called in messages} */
  static String nameOf(Path file) {
    return isStandardInput(file) ? "the standard input" : file.toString();
  }

  static Table read(InputStream in, String name, String target, Limits limits)
      throws IOException, InterruptedException {
    try (Utf8Reader text = new Utf8Reader(unzipped(in), name, limits);
        CsvReader<CsvRecord> reader =
            CsvReader.builder()
                .skipEmptyLines(true)
                .allowExtraFields(true)
                .allowMissingFields(true)
                .maxBufferSize(MOST_CHARACTERS_OF_A_CELL)
                .ofCsvRecord(text)) {
      Table table = null;
      for (CsvRecord record : reader) {
        if (table == null) {
          table = new Table(name, record, target, limits);
        } else {
          table.add(record);
        }
        if (Thread.currentThread().isInterrupted()) {
          throw new InterruptedException();
        }
      }
      if (table == null) {
        throw new InputException(name + " is empty: a header line and rows are needed");
      }
      if (table.rows == 0) {
        throw new InputException(name + " has a header line and no rows");
      }
      return table;
    } catch (UncheckedIOException | CsvParseException e) {
      throw refused(name, e);
    } catch (EOFException e) {
      throw endsEarly(name);
    }
  }

  /** From what the CSV reader wraps. */
  private static RuntimeException refused(String name, RuntimeException e)
      throws IOException, InterruptedException {
    Throwable cause = e.getCause();
    if (cause instanceof InputException refused) {
      throw refused;
    }
    if (cause instanceof EOFException) {
      throw endsEarly(name);
    }
    if (cause instanceof ZipException) {
      throw new InputException(
          "%s is gzipped, but damaged: %s".formatted(name, cause.getMessage()));
    }
    if (cause instanceof IOException failed) {
      throw failed;
    }
    String why = cause == null ? "" : ", " + cause.getMessage();
    throw new InputException(name + ": " + e.getMessage() + why);
  }

  private static InputException endsEarly(String name) {
    return new InputException(name + " is gzipped, but its end is missing: was it copied in part?");
  }

  private static InputStream unzipped(InputStream in) throws IOException {
    BufferedInputStream buffered = new Peeking(in);
    buffered.mark(2);
    boolean zipped = (buffered.read() << 8 | buffered.read()) == GZIP_MAGIC;
    buffered.reset();
    return zipped ? new GZIPInputStream(buffered, 1 << 16) : buffered;
  }

  /**
   * Says that there is more unless it is the end: by that a GZIPInputStream tells whether another
   * archive follows, and a pipe may have nothing for a moment. And never asks a channel, which does
   * not know in a pipe.
   */
  private static final class Peeking extends BufferedInputStream {
    Peeking(InputStream in) {
      super(
          new FilterInputStream(in) {
            @Override
            public int available() {
              return 0;
            }
          },
          1 << 16);
    }

    @Override
    public synchronized int available() throws IOException {
      mark(1);
      int next = read();
      reset();
      return next < 0 ? 0 : 1;
    }
  }

  private List<String> columns(CsvRecord header) {
    List<String> names = new ArrayList<>(header.getFields().stream().map(String::strip).toList());
    String first = names.get(0);
    if (!first.isEmpty() && first.charAt(0) == Utf8Reader.BYTE_ORDER_MARK) {
      names.set(0, first.substring(1).strip());
    }
    for (String column : names) {
      requireShort(column, "the name of a column of " + name);
    }
    return List.copyOf(names);
  }

  private int target(String wanted) {
    int index = columns.indexOf(wanted);
    if (index < 0) {
      throw new InputException(
          "%s has no column %s; it has %s".formatted(name, wanted, String.join(", ", columns)));
    }
    if (index != columns.lastIndexOf(wanted)) {
      throw new InputException("%s has more than one column %s".formatted(name, wanted));
    }
    if (columns.size() == 1) {
      throw new InputException("%s has no column beside the target %s".formatted(name, wanted));
    }
    return index;
  }

  private void add(CsvRecord csv) {
    long line = csv.getStartingLineNumber();
    int size = csv.getFieldCount();
    if (size != columns.size()) {
      throw new InputException(
          "%s, line %d: %d cells, but the header has %d%s"
              .formatted(name, line, size, columns.size(), hint(csv.getField(size - 1))));
    }
    InputException.ifRefused(() -> limits.require((rows + 1L) * columns.size(), Limit.CELLS, name));
    if (rows == valueOfRow.length) {
      grow();
    }
    for (int column = 0; column < size; column++) {
      String cell = csv.getField(column).strip();
      if (cell.isEmpty()) {
        throw refused(line, column, "the cell is empty");
      }
      Double number = Numbers.finite(cell);
      if (column == target) {
        addTarget(line, cell, number);
      } else if (number == null) {
        throw refused(line, column, "\"%s\" is not a finite number%s".formatted(cell, hint(cell)));
      }
      numbers[column][rows] = number == null ? Double.NaN : number;
    }
    rows++;
  }

  private void addTarget(long line, String cell, @Nullable Double number) {
    if (number == null) {
      if (cell.indexOf('\n') >= 0 || cell.indexOf('\r') >= 0) {
        throw refused(line, target, "the cell goes over several lines" + hint(cell));
      }
      requireShort(cell, "%s, line %d: the cell of the target".formatted(name, line));
      word =
          word == null
              ? "line %d, column %s: \"%s\"".formatted(line, columns.get(target), cell)
              : word;
    }
    if (!tooManyValues) {
      Integer value = values.putIfAbsent(cell, values.size());
      valueOfRow[rows] = value == null ? values.size() - 1 : value;
      tooManyValues = values.size() > limits.of(Limit.CLASSES);
    }
    if (tooManyValues) {
      values.clear();
      if (word != null) { // numbers could still be something to predict
        requireClasses();
      }
    }
  }

  private void grow() {
    int size = (int) Math.min(Integer.MAX_VALUE - 8L, rows + (rows >> 1) + 1L);
    valueOfRow = Arrays.copyOf(valueOfRow, size);
    for (int column = 0; column < numbers.length; column++) {
      numbers[column] = Arrays.copyOf(numbers[column], size);
    }
  }

  private static String hint(String cell) {
    return cell.indexOf('\n') < 0 ? "" : "; is a quotation mark before it not closed?";
  }

  private InputException refused(long line, int column, String why) {
    return new InputException(
        "%s, line %d, column %s: %s".formatted(name, line, columns.get(column), why));
  }

  private void requireShort(String text, String what) {
    InputException.ifRefused(
        () -> limits.require(text.codePointCount(0, text.length()), Limit.NAME, what));
  }

  /** What it is called in messages. */
  String name() {
    return name;
  }

  int rows() {
    return rows;
  }

  int target() {
    return target;
  }

  /** How many columns there are, the target among them. */
  int width() {
    return columns.size();
  }

  /** {@return the numbers of a column} */
  double[] numbers(int column) {
    if (column == target && word != null) {
      throw new InputException("%s, %s is not a finite number".formatted(name, word));
    }
    return Arrays.copyOf(numbers[column], rows);
  }

  /** {@return whether the target has something else than numbers} */
  boolean hasWords() {
    return word != null;
  }

  /**
   * {@return the target's different values, in the order of the rows; none if there are too many}
   */
  List<String> values() {
    return List.copyOf(values.keySet());
  }

  /** Throws InputException if the target has too many different values to be classes, or one. */
  void requireClasses() {
    String what = "%s, column %s".formatted(name, columns.get(target));
    if (tooManyValues) {
      InputException.ifRefused(
          () -> limits.require(limits.of(Limit.CLASSES) + 1, Limit.CLASSES, what));
    }
    if (values.size() == 1) {
      throw new InputException(
          "%s: every row has the class %s; at least two classes are needed"
              .formatted(what, values.keySet().iterator().next()));
    }
  }

  /** {@return which of the {@link #values} a row has} */
  int value(int row) {
    return valueOfRow[row];
  }
}

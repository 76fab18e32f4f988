package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipException;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;

/** Files that are damaged, in another encoding, larger than anybody wants, or no tables at all. */
class HostileTableTest {
  private static Table read(byte[] bytes, Limits limits) throws InterruptedException {
    return read(new ByteArrayInputStream(bytes), limits);
  }

  private static Table read(InputStream in, Limits limits) throws InterruptedException {
    try {
      return Table.read(in, "data", "k", limits);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] gzipped(byte[] bytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream zip = new GZIPOutputStream(out)) {
      zip.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private static byte[] damaged(byte[] zipped) {
    byte[] bytes = zipped.clone();
    Arrays.fill(bytes, 12, 20, (byte) 0xFF);
    return bytes;
  }

  static Stream<Arguments> noTables() {
    String table = "a,k\n1,gr\u00FCn\n2,gr\u00F6n\n";
    byte[] zipped = gzipped(utf8(table.repeat(50)));
    return Stream.of(
        Arguments.of(
            table.getBytes(StandardCharsets.ISO_8859_1),
            "data, line 2, character 5: the byte 0xFC is not UTF-8; save the file as UTF-8"),
        Arguments.of(
            concat(utf8("a,k\r\n1,x\r\n2,\u00E4"), new byte[] {(byte) 0xE2}),
            "data, line 3, character 4: the byte 0xE2 is not UTF-8"),
        Arguments.of(table.getBytes(StandardCharsets.UTF_16), "data is UTF-16; save it as UTF-8"),
        Arguments.of(
            table.getBytes(Charset.forName("UTF-16LE")),
            "data, line 1, character 2: there is a NUL"),
        Arguments.of(utf8("a,k\n1,x\n2,y\0\n"), "data, line 3, character 4: there is a NUL"),
        Arguments.of(
            Arrays.copyOf(zipped, zipped.length / 2), "data is gzipped, but its end is missing"),
        Arguments.of(Arrays.copyOf(zipped, 5), "data is gzipped, but its end is missing"),
        Arguments.of(damaged(zipped), "data is gzipped, but damaged: "),
        Arguments.of(
            utf8("a,k\n1,x\n\"2,y\n3,x\n4,y\n"),
            "data, line 3: 1 cells, but the header has 2; is a quotation mark before it not closed?"),
        Arguments.of(
            utf8("a,k\n1,x\n2,\"y\n3,x\n4,y\n"),
            "data, line 3, column k: the cell goes over several lines; is a quotation mark"),
        Arguments.of(
            utf8("a,k\n1,x\n2,\"" + "y\n".repeat(1 << 20)),
            "line 3, The maximum buffer size of 1048576 is insufficient to read the data of a single field. This issue typically arises when a quotation begins"),
        Arguments.of(utf8("a,k\n1d,x\n"), "line 2, column a: \"1d\" is not a finite number"),
        Arguments.of(utf8("a,k\n0x1p3,x\n"), "column a: \"0x1p3\" is not a finite number"));
  }

  private static byte[] concat(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("noTables")
  void whatIsNoTableIsRefusedWithItsReason(byte[] bytes, String message) {
    assertThatThrownBy(() -> read(bytes, Limits.USUAL))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  static Stream<Arguments> tooMuch() {
    byte[] rows = utf8("a,k\n" + "1,x\n2,y\n".repeat(1000));
    return Stream.of(
        Arguments.of(rows, Limit.CELLS, 3000, "data has more than 3000 cells"),
        Arguments.of(gzipped(rows), Limit.BYTES, 7000, "data has more than 7000 bytes"),
        Arguments.of(
            gzipped(new byte[1 << 24]), Limit.BYTES, 7000, "data has more than 7000 bytes"),
        Arguments.of(rows, Limit.CLASSES, 1, "data, column k has more than 1 different values"),
        Arguments.of(
            utf8("a,k\n1,xyz\n"),
            Limit.NAME,
            2,
            "data, line 2: the cell of the target has more than 2 characters"),
        Arguments.of(
            utf8("abc,k\n1,x\n"),
            Limit.NAME,
            2,
            "the name of a column of data has more than 2 characters"));
  }

  @ParameterizedTest(name = "{3}")
  @MethodSource("tooMuch")
  void aLimitIsNamedWithTheWayToRaiseIt(byte[] bytes, Limit limit, long most, String message) {
    assertThatThrownBy(() -> read(bytes, new Limits(Map.of(limit, most))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .hasMessageEndingWith(", which is the limit: --limit " + limit + "=N raises it");
  }

  /** A pipe may have nothing for a moment, where one archive ends and the next begins. */
  @Test
  void allOfSeveralArchivesIsReadHoweverItComes() throws Exception {
    byte[] both = concat(gzipped(utf8("a,k\n1,x\n")), gzipped(utf8("2,y\n")));
    InputStream slow =
        new SequenceInputStream(InputStream.nullInputStream(), new ByteArrayInputStream(both)) {
          @Override
          public int available() {
            return 0;
          }

          @Override
          public int read(byte[] into, int offset, int length) throws IOException {
            return super.read(into, offset, Math.min(length, 1));
          }
        };
    assertThat(read(slow, Limits.USUAL).rows()).isEqualTo(2);
  }

  @Test
  void numbersOfAnySizeAreStandardised() throws Exception {
    for (String unit : new String[] {"1e308", "1", "1e-300", "4.9e-324"}) {
      String csv = "a,k\n1,x\n-1,y\n1,x\n-1,y\n".replaceAll("(?m)^(-?)1,", "$1" + unit + ",");
      try (PointerScope scope = new PointerScope()) {
        DataSet data = DataSet.of(read(utf8(csv), Limits.USUAL), null);
        float[] inputs = new float[4];
        data.inputs().to(ScalarType.Float).contiguous().data_ptr_float().get(inputs);
        assertThat(inputs).as(unit).containsExactly(1, -1, 1, -1);
      }
    }
  }

  @Test
  void aConstantColumnBecomesZeroThoughItsMeanIsRounded() throws Exception {
    try (PointerScope scope = new PointerScope()) {
      String csv = "a,k\n" + "0.1,x\n0.1,y\n0.1,y\n".repeat(7);
      DataSet data = DataSet.of(read(utf8(csv), Limits.USUAL), null);
      assertThat(data.inputs().abs().max().item_double()).isZero();
    }
  }

  @Test
  void anInterruptIsHeardWhileATableIsRead() {
    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(() -> read(utf8("a,k\n1,x\n2,y\n"), Limits.USUAL))
          .isInstanceOf(InterruptedException.class);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  /** Also where a pipe has nothing and does not end. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void anInterruptIsHeardWhileAPipeHasNothing(@TempDir Path folder) throws Exception {
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    FutureTask<Throwable> reading =
        new FutureTask<>(() -> catchThrowable(() -> Table.read(pipe, "k", Limits.USUAL)));
    Thread reader = new Thread(reading);
    reader.start();
    try (OutputStream writer = new FileOutputStream(pipe.toFile())) {
      writer.write(utf8("a,k\n1,x\n"));
      writer.flush();
      reader.interrupt();
      assertThat(reading.get(2, TimeUnit.MINUTES)).isInstanceOf(InterruptedException.class);
    }
  }

  @Provide
  Arbitrary<byte[]> files() {
    Arbitrary<String> cells =
        Arbitraries.of(
            "1",
            "-2.5",
            "1e308",
            "-1e308",
            "5e-324",
            "1e999",
            "x",
            "\u00FC",
            "\uD83D\uDE00",
            "",
            " ",
            "\"",
            "\"\"",
            "\"q\"",
            "\"a\nb\"",
            "NaN",
            "k",
            "\0",
            "\uFEFF",
            "1,2",
            "\r",
            ";",
            "#");
    Arbitrary<String> rows =
        cells.list().ofMinSize(1).ofMaxSize(4).map(row -> String.join(",", row));
    Arbitrary<byte[]> tables =
        rows.list().ofMaxSize(30).map(lines -> utf8("a,k\n" + String.join("\n", lines)));
    Arbitrary<byte[]> sound =
        Arbitraries.of("1,x", "2,y", "3,1", "-4,0")
            .list()
            .ofMinSize(1)
            .ofMaxSize(30)
            .map(lines -> utf8("a,k\n" + String.join("\n", lines)));
    Arbitrary<byte[]> anything = Arbitraries.bytes().array(byte[].class).ofMaxSize(200);
    Arbitrary<byte[]> text = Arbitraries.oneOf(List.of(tables, sound, anything));
    Arbitrary<byte[]> flipped =
        text.flatMap(
            bytes ->
                Arbitraries.integers()
                    .between(0, Math.max(0, 8 * bytes.length - 1))
                    .map(bit -> flipped(bytes, bit)));
    Arbitrary<byte[]> plain = Arbitraries.oneOf(List.of(text, flipped));
    Arbitrary<byte[]> zipped = plain.map(HostileTableTest::gzipped);
    Arbitrary<byte[]> damaged =
        zipped.flatMap(
            bytes ->
                Arbitraries.integers()
                    .between(16, 8 * bytes.length - 1)
                    .map(bit -> flipped(bytes, bit)));
    return Arbitraries.oneOf(List.of(plain, zipped, damaged));
  }

  private static byte[] flipped(byte[] bytes, int bit) {
    byte[] flipped = bytes.clone();
    if (flipped.length > 0) {
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
    }
    return flipped;
  }

  @Property
  void anyBytesAreATableOrRefused(@ForAll("files") byte[] bytes) throws Exception {
    try (PointerScope scope = new PointerScope()) {
      DataSet data = DataSet.of(read(bytes, Limits.USUAL), null);
      assertThat(data.inputs().isfinite().all().item_bool()).isTrue();
      assertThat(data.outputs()).isPositive();
    } catch (InputException e) {
      assertThat(e.getMessage()).startsWith("data");
    } catch (UncheckedIOException e) {
      // Of a gzip header; the file's reader names it.
      assertThat(e.getCause()).isInstanceOf(ZipException.class);
    }
  }
}

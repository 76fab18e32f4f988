package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;

/** Arrays as NumPy writes them, and files that are damaged, too large, or no arrays at all. */
class ArrayFileTest {
  private static final Path FOLDER = Path.of("src/test/python");

  @TempDir private Path folder;

  private static double[] numbers(Tensor tensor) {
    Tensor flat = tensor.reshape(-1).to(ScalarType.Double);
    return IntStream.range(0, (int) flat.numel())
        .mapToDouble(i -> flat.select(0, i).item_double())
        .toArray();
  }

  static List<String> types() throws IOException {
    try (ZipFile zip = new ZipFile(FOLDER.resolve("types.npz").toFile())) {
      return zip.stream().map(entry -> entry.getName().replace(".npy", "")).toList();
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void everyTypeInEveryOrderIsReadAsItsNumbers(String name) throws InterruptedException {
    try (PointerScope scope = new PointerScope()) {
      Tensor read = new ArrayFile(FOLDER.resolve("types.npz"), name).read(Limits.USUAL);
      boolean cube = name.equals("cube");
      assertThat(read.shape()).containsExactly(cube ? new long[] {2, 3, 4} : new long[] {2, 3});
      double most = name.contains("?") ? 1 : Double.POSITIVE_INFINITY;
      assertThat(numbers(read))
          .containsExactly(
              IntStream.range(0, cube ? 24 : 6).mapToDouble(i -> Math.min(i, most)).toArray());
      assertThat(read.is_contiguous()).isTrue();
    }
  }

  static Stream<Arguments> noNumbers() {
    return Stream.of(
        Arguments.of("objects", "is of type '|O', but must have float16,", "allow_pickle=False"),
        Arguments.of("words", "is of type '<U1', but must", "np.unique(y, return_inverse=True)"),
        Arguments.of("complex", "is of type '<c16', but must", "store x.astype('float32')"),
        Arguments.of("dates", "is of type '<M8[D]', but must", "store x.astype('float32')"),
        Arguments.of("pairs", "is of type [('a', '<f4'), ('b', '<i4')], but", "x.astype"),
        Arguments.of("long", "is of type '<f16', but must", "store x.astype('float32')"),
        Arguments.of("one", "is one number", "but must have rows"),
        Arguments.of("none", "has the shape [0, 3]", "in which there is no number"),
        Arguments.of("other", "has no array \"other\"", "there are objects, words, complex"),
        Arguments.of("../one", "has no array \"../one\"", "there are objects, words, complex"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("noNumbers")
  void whatIsNoArrayOfNumbersIsRefusedWithTheCure(String name, String what, String cure) {
    ArrayFile file = new ArrayFile(FOLDER.resolve("no-numbers.npz"), name);
    assertThatThrownBy(() -> file.read(Limits.USUAL))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("no-numbers.npz", what, cure);
  }

  private static byte[] npy(int version, String header, int bytes) {
    byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer file =
        ByteBuffer.allocate(8 + 4 + text.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
    file.put(NpyReader.MAGIC).put((byte) version).put((byte) 0);
    if (version == 1) {
      file.putShort((short) text.length);
    } else {
      file.putInt(text.length);
    }
    file.put(text);
    return Arrays.copyOf(file.array(), file.position() + bytes);
  }

  private static byte[] npy(String shape, int bytes) {
    return npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }\n", bytes);
  }

  private static Tensor read(byte[] file, Limits limits) throws InterruptedException {
    return read(new ByteArrayInputStream(file), limits);
  }

  private static Tensor read(InputStream in, Limits limits) throws InterruptedException {
    try {
      in.skipNBytes(NpyReader.MAGIC.length);
      return NpyReader.read(in, "x.npy", limits);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Stream<Arguments> damaged() {
    return Stream.of(
        Arguments.of(npy("3,", 11), "ends after 11 of the 12 bytes that its header names"),
        Arguments.of(npy("3,", 13), "goes on behind the 12 bytes that its header names"),
        Arguments.of(npy("4294967297,", 4), "has more than 1073741824 bytes"),
        Arguments.of(npy("65536, 65536, 65536, 65536", 4), "has more than 1073741824 bytes"),
        Arguments.of(npy("268435457, ", 4), "has more than 1073741824 bytes"),
        Arguments.of(npy("9223372036854775808,", 4), "is damaged: its shape is (9223372036854775"),
        Arguments.of(npy("-1, -3", 12), "is damaged: its shape is (-1, -3)"),
        Arguments.of(npy("3, x", 12), "is damaged: its shape is (3, x)"),
        Arguments.of(npy("1, ".repeat(26), 4), "has 26 dimensions, but must have at most 25"),
        Arguments.of(npy(9, "", 0), "is of version 9 of the format, but must be of 1 to 3"),
        Arguments.of(npy(1, "(".repeat(60_000), 0), "is damaged: its header is (((("),
        Arguments.of(npy(1, "{'descr': '<f4'}", 0), "is damaged: its header is {'descr'"),
        Arguments.of(npy(1, "{'descr': '<f4x', }", 0), "is of type '<f4x', but must have"),
        Arguments.of(npy(2, " ".repeat(70_000), 0), "has a header of 70000 bytes, but must have"),
        Arguments.of(Arrays.copyOf(npy("3,", 12), 9), "ends within its header"),
        Arguments.of(Arrays.copyOf(npy("3,", 12), 40), "ends within its header"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("damaged")
  void whatTheHeaderSaysIsNotBelieved(byte[] file, String message) {
    assertThatThrownBy(() -> read(file, Limits.USUAL))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("x.npy")
        .hasMessageContaining(message);
  }

  @Test
  void headersOfOtherWritersAndVersionsAreRead() throws InterruptedException {
    String header = "{\"shape\":(3L,),\"fortran_order\":False,\"descr\":\"<f4\"}";
    for (int version = 1; version <= 3; version++) {
      assertThat(numbers(read(npy(version, header, 12), Limits.USUAL))).containsOnly(0, 0, 0);
    }
  }

  @Test
  void limitsCountWhatIsKeptAndCanBeRaised() throws InterruptedException {
    byte[] bytes = npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1000,), }\n", 1000);
    assertThat(read(bytes, new Limits(Map.of(Limit.BYTES, 8000L))).numel()).isEqualTo(1000);
    assertThatThrownBy(() -> read(bytes, new Limits(Map.of(Limit.BYTES, 7999L))))
        .hasMessage(
            "x.npy, of shape [1000], has more than 7999 bytes, which is the limit: --limit bytes=N raises it");
  }

  /** Never ends, and would be read for ever if what the header says were not. */
  private static InputStream zeros() {
    return new InputStream() {
      @Override
      public int read() {
        return 0;
      }
    };
  }

  @Test
  void anEndlessStreamIsReadNoFurtherThanItsHeaderSays() {
    InputStream file = new SequenceInputStream(new ByteArrayInputStream(npy("3,", 0)), zeros());
    assertThatThrownBy(() -> read(file, Limits.USUAL)).hasMessageContaining("goes on behind");
  }

  private Path zip(String name, String entry, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry(entry));
      zip.write(content);
    }
    return file;
  }

  @Test
  void whatUnpacksToMoreThanItSaysOrMayIsRefused() throws IOException {
    Path more = zip("more.npz", "x.npy", npy("3,", 1 << 20));
    assertThatThrownBy(() -> new ArrayFile(more, null).read(Limits.USUAL))
        .hasMessageContaining("more.npz:x goes on behind the 12 bytes");
    Path large = zip("large.npz", "x.npy", npy("1000, 25000000", 1 << 20));
    assertThatThrownBy(() -> new ArrayFile(large, "x").read(Limits.USUAL))
        .hasMessageContaining("large.npz:x, of shape [1000, 25000000], has more than 1073741824");
  }

  @Test
  void aChangedBitIsSeen() throws IOException {
    byte[] bytes = Files.readAllBytes(FOLDER.resolve("types.npz"));
    int data = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("f8.npy") + 128 + 64;
    bytes[data] ^= 1;
    Path file = Files.write(folder.resolve("changed.npz"), bytes);
    assertThatThrownBy(() -> new ArrayFile(file, "f8").read(Limits.USUAL))
        .hasMessageContaining("changed.npz:f8")
        .hasMessageContaining("damaged");
  }

  static Stream<Arguments> otherFiles() throws IOException {
    byte[] zip = Files.readAllBytes(FOLDER.resolve("types.npz"));
    return Stream.of(
        Arguments.of(FOLDER.resolve("saved.pt"), "has no array: it is a pickle of torch.save"),
        Arguments.of(
            FOLDER.resolve("saved-by-protocol-2.pt"), "but a pickle, which runs what it likes"),
        Arguments.of(FOLDER.resolve("README.md"), "begins with neither's first bytes"),
        Arguments.of(FOLDER.resolve("none.npy"), "there is no file "),
        Arguments.of(FOLDER, "cannot read "),
        Arguments.of(FOLDER.resolve("types.npz"), "arrays, of which one must be named"),
        Arguments.of(Path.of("src/data/wine.csv.gz"), "but gzipped: unpack it first"),
        Arguments.of(Arrays.copyOf(zip, zip.length / 2), "whose end is missing: was it copied"),
        Arguments.of(new byte[0], "begins with neither's first bytes"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("otherFiles")
  void otherFilesAreRefusedByWhatTheyAre(Object file, String message) throws IOException {
    Path path =
        file instanceof byte[] bytes ? Files.write(folder.resolve("file.npz"), bytes) : (Path) file;
    assertThatThrownBy(() -> new ArrayFile(path, null).read(Limits.USUAL))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void theOnlyArrayNeedsNoName() throws IOException, InterruptedException {
    Path one = zip("one.npz", "x.npy", npy("3,", 12));
    assertThat(new ArrayFile(one, null).read(Limits.USUAL).numel()).isEqualTo(3);
  }

  @Test
  void aFileMayHaveAColonInItsName() throws Exception {
    Path file = Files.write(folder.resolve("a:b.npy"), npy("3,", 12));
    ArrayFile.Converter converter = new ArrayFile.Converter();
    assertThat(converter.convert(file.toString())).isEqualTo(new ArrayFile(file, null));
    assertThat(converter.convert(file + ":x")).isEqualTo(new ArrayFile(file, "x"));
  }

  @Property(tries = 300)
  void anyBytesAreAnArrayOrRefused(@ForAll @Size(max = 200) byte[] bytes, @ForAll boolean header)
      throws InterruptedException {
    byte[] start = header ? npy("2, 3", 0) : new byte[NpyReader.MAGIC.length];
    byte[] file = Arrays.copyOf(start, start.length + bytes.length);
    System.arraycopy(bytes, 0, file, start.length, bytes.length);
    try (PointerScope scope = new PointerScope()) {
      assertThat(DoubleStream.of(numbers(read(file, Limits.USUAL)))).isNotEmpty();
    } catch (InputException e) {
      assertThat(e).hasMessageStartingWith("x.npy ");
    }
  }
}

package org.lrfinder.cli;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;

/**
 * Arrays in NumPy's format NPY, of versions 1 to 3. What the header says is checked before anything
 * of the array's size is made; the numbers then go into libtorch's memory, not into Java's.
 */
final class NpyReader {
  static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  private static final int MOST_BYTES_OF_A_HEADER = 1 << 16;
  private static final int MOST_DIMENSIONS = 25; // some of libtorch's operators take no more
  private static final int CHUNK = 1 << 16; // a multiple of every item's size

  // The header is a Python dictionary, with these keys in any order.
  private static final Pattern TYPE =
      Pattern.compile("['\"]descr['\"]\\s*:\\s*['\"]([<>=|]?)(\\w|\\?)(\\d{0,9})([^'\"]*)['\"]");
  private static final Pattern ANY_TYPE =
      Pattern.compile("['\"]descr['\"]\\s*:\\s*('[^']*'|\"[^\"]*\"|\\[.*?\\](?=\\s*[,}]))");
  private static final Pattern ORDER =
      Pattern.compile("['\"]fortran_order['\"]\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("['\"]shape['\"]\\s*:\\s*\\(([^()]*)\\)");

  private final InputStream in;
  private final String name;

  private NpyReader(InputStream in, String name) {
    this.in = in;
    this.name = name;
  }

  /**
   * Reads an array, to its end and that of the stream.
   *
   * @param in what follows the {@link #MAGIC}
   * @param name of the array, for messages
   * @return its numbers: Half, Float, Double, Char, Short, Int, Long, Byte, UInt16, UInt32, UInt64
   *     or Bool, of its shape, at least one row and contiguous; the caller's scope's
   * @throws InputException if it is none of numbers, damaged, or more than the limits allow
   */
  static Tensor read(InputStream in, String name, Limits limits)
      throws IOException, InterruptedException {
    return new NpyReader(in, name).array(limits);
  }

  private Tensor array(Limits limits) throws IOException, InterruptedException {
    String header = header();
    Matcher type = TYPE.matcher(header);
    boolean plain = type.find() && type.group(4).isEmpty();
    ScalarType scalar = plain ? scalar(type.group(2).charAt(0), type.group(3)) : null;
    if (scalar == null) {
      throw notNumbers(type.reset().find() ? type.group(2).charAt(0) : 'V', header);
    }
    Matcher order = ORDER.matcher(header);
    Matcher shapes = SHAPE.matcher(header);
    if (!order.find() || !shapes.find()) {
      throw refused("is damaged: its header is %s", header.strip());
    }
    boolean columnsFirst = order.group(1).equals("True");
    long[] shape = shape(shapes.group(1));
    int itemSize = itemSize(type.group(3));
    long bytes = requireAllowed(shape, scalar, itemSize, limits);

    long[] stored = columnsFirst ? reversed(shape) : shape;
    ScalarType readAs = scalar == ScalarType.Bool ? ScalarType.Byte : scalar;
    Tensor array = torch.empty(stored, new TensorOptions(readAs), new MemoryFormatOptional());
    readInto(array, bytes, type.group(1).equals(">") ? itemSize : 1);
    if (in.read() >= 0) {
      throw refused(
          "goes on behind the %d bytes that its header names: one array is needed, not several",
          bytes);
    }
    if (scalar == ScalarType.Bool) {
      array = inPlaceOf(array, array.ne(new Scalar(0))); // whichever byte stands for true
    }
    if (columnsFirst) {
      long[] dimensions = new long[shape.length];
      Arrays.setAll(dimensions, i -> shape.length - 1 - i);
      try (Tensor turned = array.permute(dimensions)) {
        array = inPlaceOf(array, turned.contiguous());
      }
    }
    return array;
  }

  private static Tensor inPlaceOf(Tensor stored, Tensor made) {
    stored.close(); // which may be as large
    return made;
  }

  private String header() throws IOException {
    byte[] version = exactly(2, "header");
    int major = version[0];
    if (major < 1 || major > 3) {
      throw refused("is of version %d of the format, but must be of 1 to 3", major);
    }
    ByteBuffer size =
        ByteBuffer.wrap(exactly(major == 1 ? 2 : 4, "header")).order(ByteOrder.LITTLE_ENDIAN);
    long length =
        major == 1 ? Short.toUnsignedLong(size.getShort()) : Integer.toUnsignedLong(size.getInt());
    if (length > MOST_BYTES_OF_A_HEADER) {
      throw refused(
          "has a header of %d bytes, but must have one of at most %d",
          length, MOST_BYTES_OF_A_HEADER);
    }
    return new String(exactly((int) length, "header"), StandardCharsets.UTF_8);
  }

  private byte[] exactly(int count, String what) throws IOException {
    byte[] bytes = in.readNBytes(count);
    if (bytes.length < count) {
      throw refused("ends within its %s: was it copied in part?", what);
    }
    return bytes;
  }

  /** Whether it is one of whole numbers; for a type that libtorch gave, interned. */
  static boolean isIntegral(ScalarType type) {
    return switch (type) {
      case Byte, Char, Short, Int, Long, UInt16, UInt32, UInt64 -> true;
      default -> false;
    };
  }

  private static int itemSize(String digits) {
    return digits.isEmpty() ? 1 : Integer.parseInt(digits);
  }

  private static @Nullable ScalarType scalar(char kind, String digits) {
    return switch (kind + digits) {
      case "f2" -> ScalarType.Half;
      case "f4" -> ScalarType.Float;
      case "f8" -> ScalarType.Double;
      case "i1" -> ScalarType.Char;
      case "i2" -> ScalarType.Short;
      case "i4" -> ScalarType.Int;
      case "i8" -> ScalarType.Long;
      case "u1" -> ScalarType.Byte;
      case "u2" -> ScalarType.UInt16;
      case "u4" -> ScalarType.UInt32;
      case "u8" -> ScalarType.UInt64;
      case "b1", "?" -> ScalarType.Bool;
      default -> null;
    };
  }

  private InputException notNumbers(char kind, String header) {
    Matcher named = ANY_TYPE.matcher(header);
    if (!named.find()) {
      return refused("is damaged: its header is %s", header.strip());
    }
    String cure =
        switch (kind) {
          case 'O' ->
              "objects are stored as a pickle, which runs what it likes when it is read: make numbers of them, and save by np.save(..., allow_pickle=False), which refuses the rest";
          case 'S', 'U' -> "for words that name classes store np.unique(y, return_inverse=True)[1]";
          default -> "store x.astype('float32')";
        };
    return refused(
        "is of type %s, but must have float16, float32, float64, integers or bool; %s",
        named.group(1).strip(), cure);
  }

  private long[] shape(String text) {
    String stripped = text.replace("L", "").strip(); // Python 2 wrote 3L
    if (stripped.isEmpty()) {
      throw refused("is one number, but must have rows");
    }
    String[] sizes = stripped.split("\\s*,\\s*");
    if (sizes.length > MOST_DIMENSIONS) {
      throw refused("has %d dimensions, but must have at most %d", sizes.length, MOST_DIMENSIONS);
    }
    try {
      return Arrays.stream(sizes).mapToLong(NpyReader::size).toArray();
    } catch (NumberFormatException e) {
      throw refused("is damaged: its shape is (%s)", text);
    }
  }

  private static long size(String digits) {
    long size = Long.parseLong(digits);
    if (size < 0) {
      throw new NumberFormatException();
    }
    return size;
  }

  /** {@return how many bytes there are to read} */
  private long requireAllowed(long[] shape, ScalarType scalar, int itemSize, Limits limits) {
    BigInteger items =
        Arrays.stream(shape)
            .mapToObj(BigInteger::valueOf)
            .reduce(BigInteger.ONE, BigInteger::multiply);
    if (items.signum() == 0) {
      throw refused("has the shape %s, in which there is no number", Arrays.toString(shape));
    }
    // As they are kept for the sweep: see DataSet.
    int kept = Math.max(itemSize, isIntegral(scalar) ? Long.BYTES : Float.BYTES);
    InputException.ifRefused(
        () ->
            limits.require(
                atMost(items.multiply(BigInteger.valueOf(kept))),
                Limit.BYTES,
                "%s, of shape %s,".formatted(name, Arrays.toString(shape))));
    return atMost(items.multiply(BigInteger.valueOf(itemSize)));
  }

  private static long atMost(BigInteger number) {
    return number.min(BigInteger.valueOf(Long.MAX_VALUE)).longValue();
  }

  /** Turns each item of some size, 1 for none, from the last byte to the first. */
  private void readInto(Tensor array, long bytes, int turned)
      throws IOException, InterruptedException {
    BytePointer memory = new BytePointer(array.data_ptr()).capacity(bytes);
    byte[] chunk = new byte[CHUNK];
    for (long done = 0; done < bytes; ) {
      int wanted = (int) Math.min(CHUNK, bytes - done);
      int count = in.readNBytes(chunk, 0, wanted);
      if (count < wanted) {
        throw refused(
            "ends after %d of the %d bytes that its header names: was it copied in part?",
            done + count, bytes);
      }
      for (int i = 0; turned > 1 && i < count; i += turned) {
        for (int a = i, b = i + turned - 1; a < b; a++, b--) {
          byte first = chunk[a];
          chunk[a] = chunk[b];
          chunk[b] = first;
        }
      }
      memory.position(done).put(chunk, 0, count);
      done += count;
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedException();
      }
    }
  }

  private static long[] reversed(long[] shape) {
    long[] turned = new long[shape.length];
    Arrays.setAll(turned, i -> shape[shape.length - 1 - i]);
    return turned;
  }

  private InputException refused(String why, Object... arguments) {
    return new InputException(name + " " + why.formatted(arguments));
  }
}

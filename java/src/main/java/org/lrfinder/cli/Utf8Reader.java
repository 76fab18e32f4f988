package org.lrfinder.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;

/**
 * Text in UTF-8. What is none is refused by its place, where Java's own readers put the same
 * character for all of it, so that words that differ became equal.
 */
final class Utf8Reader extends Reader {
  static final char BYTE_ORDER_MARK = '\uFEFF';
  private static final int UTF_16_BIG = 0xFEFF;
  private static final int UTF_16_LITTLE = 0xFFFE;

  private final InputStream in;
  private final String name;
  private final Limits limits;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
  private final ByteBuffer bytes = ByteBuffer.allocate(1 << 16).flip();
  private long read;
  private boolean ended;
  private long line = 1;
  private long character; // of the line, from 1
  private boolean afterReturn;

  /**
   * Reads a stream.
   *
   * @param name of what is read, for messages
   */
  Utf8Reader(InputStream in, String name, Limits limits) {
    this.in = in;
    this.name = name;
    this.limits = limits;
  }

  @Override
  public int read(char[] into, int offset, int length) throws IOException {
    while (true) {
      CharBuffer chars = CharBuffer.wrap(into, offset, length);
      CoderResult result = decoder.decode(bytes, chars, ended);
      int count = chars.position() - offset;
      if (count > 0) {
        follow(into, offset, count);
        return count;
      }
      if (result.isError()) {
        int wrong = Byte.toUnsignedInt(bytes.get(bytes.position()));
        character++;
        throw refused(
            "the byte 0x%02X is not UTF-8; save the file as UTF-8, such as by iconv -f ISO-8859-1 -t UTF-8"
                .formatted(wrong));
      }
      if (ended) {
        return -1;
      }
      fill();
    }
  }

  private void fill() throws IOException {
    bytes.compact();
    int count = in.read(bytes.array(), bytes.position(), bytes.remaining());
    if (count < 0) {
      ended = true;
    } else {
      bytes.position(bytes.position() + count);
      read += count;
      InputException.ifRefused(() -> limits.require(read, Limit.BYTES, name));
    }
    bytes.flip();
    if (read == count && bytes.remaining() > 1) {
      int mark = Short.toUnsignedInt(bytes.getShort(0));
      if (mark == UTF_16_BIG || mark == UTF_16_LITTLE) {
        throw new InputException(
            name + " is UTF-16; save it as UTF-8, such as by iconv -f UTF-16 -t UTF-8");
      }
    }
  }

  /** Counts lines and characters, and refuses what no text has. */
  private void follow(char[] text, int offset, int count) {
    for (int i = offset; i < offset + count; i++) {
      char c = text[i];
      if (c == '\n' && afterReturn) {
        afterReturn = false;
        continue;
      }
      afterReturn = c == '\r';
      if (c == '\n' || c == '\r') {
        line++;
        character = 0;
      } else if (!Character.isLowSurrogate(c) && c != BYTE_ORDER_MARK) {
        character++;
        if (c == 0) {
          throw refused("there is a NUL, which no text has; is this UTF-16, or no text at all?");
        }
      }
    }
  }

  private InputException refused(String why) {
    return new InputException(
        "%s, line %d, character %d: %s".formatted(name, line, character, why));
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}

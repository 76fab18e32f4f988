package org.lrfinder.cli;

import java.util.Arrays;

/** What a file is by its first bytes, whatever it is called. */
enum FileKind {
  NPY,
  ZIP,
  /** Of Python's protocols 2 to 5, as all that write binary files have used them for years. */
  PICKLE,
  GZIP,
  OTHER;

  private static final int PICKLES_START = 0x80;
  private static final int LAST_PROTOCOL = 5;

  /** By six bytes, or all there are. */
  static FileKind of(byte[] start) {
    if (Arrays.equals(start, NpyReader.MAGIC)) {
      return NPY;
    }
    int first = start.length > 0 ? Byte.toUnsignedInt(start[0]) : -1;
    int second = start.length > 1 ? Byte.toUnsignedInt(start[1]) : -1;
    if (first == 'P' && second == 'K') {
      return ZIP;
    }
    if (first == PICKLES_START && second >= 2 && second <= LAST_PROTOCOL) {
      return PICKLE;
    }
    return first == 0x1f && second == 0x8b ? GZIP : OTHER;
  }
}

package org.lrfinder.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Files that are there whole or not at all. */
public final class AtomicFile {
  private AtomicFile() {}

  /**
   * Writes a file beside its place and moves it there.
   *
   * @param file where to; its folder must exist
   * @param bytes what
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched, and
   *     nothing is left behind
   */
  public static void write(Path file, byte[] bytes) {
    Path target = file.toAbsolutePath();
    try {
      Path partial =
          Files.createTempFile(target.getParent(), target.getFileName().toString(), ".partial");
      try {
        Files.write(partial, bytes);
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(partial);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e, e);
    }
  }
}

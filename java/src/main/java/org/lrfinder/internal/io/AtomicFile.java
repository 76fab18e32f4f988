package org.lrfinder.internal.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Files that are there whole or not at all. */
public final class AtomicFile {
  private AtomicFile() {}

  /** Writes a file that does not exist yet. */
  @FunctionalInterface
  public interface Content {
    void writeTo(Path file) throws IOException;
  }

  /** As {@link #write(Path, Content)}. */
  public static void write(Path file, byte[] bytes) {
    write(file, partial -> Files.write(partial, bytes, StandardOpenOption.CREATE_NEW));
  }

  /**
   * Writes a file beside its place and moves it there.
   *
   * @param file where to; its folder must exist
   * @throws UncheckedIOException if it cannot be written; an earlier file is then untouched, and
   *     nothing is left behind
   */
  public static void write(Path file, Content content) {
    Path target = file.toAbsolutePath();
    try {
      // Not one of the system's temporary files, which only their owner may read.
      Path partial =
          target.resolveSibling(target.getFileName() + "." + UUID.randomUUID() + ".partial");
      try {
        content.writeTo(partial);
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(partial);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e, e);
    }
  }
}

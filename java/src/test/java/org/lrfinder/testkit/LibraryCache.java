package org.lrfinder.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/** JavaCPP's cache of the tests' JVM. */
public final class LibraryCache {
  private LibraryCache() {}

  /**
   * Fills a cache with what JavaCPP has unpacked, without taking its room once more: whoever
   * changes a file there puts another one in its place. lrfinder's own libraries are not among it.
   */
  public static void copyTo(Path cache) throws IOException {
    Loader.load(torch.class);
    Path full = Loader.getCacheDir().toPath().toRealPath();
    try (Stream<Path> files = Files.walk(full)) {
      for (Path file : files.filter(file -> Files.isRegularFile(file)).toList()) {
        Path relative = full.relativize(file);
        if (!relative.startsWith("lrfinder") && !Files.isSymbolicLink(file)) {
          Path copy = cache.resolve(relative);
          Files.createDirectories(copy.getParent());
          try {
            Files.createLink(copy, file);
          } catch (IOException e) { // on another disk
            Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
          }
        }
      }
    }
  }
}

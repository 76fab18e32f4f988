package org.lrfinder.internal.nativecore;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.ZipFile;

/** The jar with the native library is not as it was built. */
final class DamagedJar extends IOException {
  private static final long serialVersionUID = 1L;
  private static final String WAY_OUT =
      ": get it again; of a Maven build, delete it from the local repository";

  DamagedJar(URL library, String problem, Throwable cause) {
    super(library + " is damaged (" + problem + ")" + WAY_OUT, cause);
  }

  /** A JVM passes over an archive that it cannot open, as if it were not there. */
  static Optional<String> onClassPath() {
    String paths =
        System.getProperty("java.class.path", "")
            + File.pathSeparator
            + System.getProperty("jdk.module.path", "");
    for (String path : paths.split(File.pathSeparator)) {
      Path jar = Path.of(path);
      if (path.matches(".*lrfinder-native[^/]*\\.jar") && Files.isRegularFile(jar)) {
        try (ZipFile whole = new ZipFile(jar.toFile())) {
          // can be opened
        } catch (IOException e) {
          return Optional.of(jar + " is damaged (" + e.getMessage() + ")" + WAY_OUT);
        }
      }
    }
    return Optional.empty();
  }
}

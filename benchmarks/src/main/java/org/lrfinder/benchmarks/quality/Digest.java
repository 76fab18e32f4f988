package org.lrfinder.benchmarks.quality;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** Short numbers of what bytes are. */
final class Digest {
  private static final int BYTES = 8;

  private Digest() {}

  /** {@return of each part by itself: what ends one and begins the next must not be mistaken} */
  static String of(byte[]... parts) {
    MessageDigest all = sha256();
    for (byte[] part : parts) {
      all.update(sha256().digest(part));
    }
    return HexFormat.of().formatHex(all.digest(), 0, BYTES);
  }

  /** {@return of the code that a class was loaded with: a jar, or a folder of classes} */
  static String of(Class<?> loaded) throws IOException {
    try {
      Path code = Path.of(loaded.getProtectionDomain().getCodeSource().getLocation().toURI());
      List<Path> files;
      try (Stream<Path> all = Files.walk(code)) {
        files = all.filter(Files::isRegularFile).sorted().toList();
      }
      byte[][] parts = new byte[files.size()][];
      for (int i = 0; i < parts.length; i++) {
        parts[i] = Files.readAllBytes(files.get(i));
      }
      return of(parts);
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }
}

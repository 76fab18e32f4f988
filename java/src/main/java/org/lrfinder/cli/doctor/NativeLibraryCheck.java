package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/** lrfinder's own libraries within their jar: whether they are what was built. */
final class NativeLibraryCheck {
  private static final String FOLDER =
      "org/lrfinder/internal/nativecore/" + Loader.getPlatform() + "/";
  private static final int DIGEST_LENGTH = 64;

  private NativeLibraryCheck() {}

  static Section examine() {
    Section.Builder section =
        Section.of("native_library")
            .fact("version", LibrariesCheck.built("version").orElse(null))
            .fact("compiled_for_libtorch", LibrariesCheck.built("torch.version").orElse(null))
            .fact("other_file", System.getProperty(LibrariesCheck.OTHER_LIBRARY));
    for (String name : List.of("libjnilrfinder.so", "liblrfinder_cuda.so")) {
      URL library = resource(name);
      if (library == null) {
        continue;
      }
      String found = sha256(library).orElse("unreadable");
      section.fact(name, found);
      if (!expected(name).equals(Optional.of(found))) {
        ClassPath.having(FOLDER + name).stream()
            .findFirst()
            .ifPresent(
                jar ->
                    section.find(
                        Finding.broken(
                            "damaged-jar",
                            "%s in %s is damaged: its SHA-256 is %s, but must be %s"
                                .formatted(name, jar, found, expected(name).orElse("readable")),
                            LibrariesCheck.fetchedAnew(jar))));
      }
    }
    return section.build();
  }

  private static @Nullable URL resource(String name) {
    return NativeLibraryCheck.class.getClassLoader().getResource(FOLDER + name);
  }

  /** As the build put it beside the library. */
  private static Optional<String> expected(String name) {
    URL url = resource(name + ".sha256");
    if (url == null) {
      return Optional.empty();
    }
    try (InputStream in = opened(url)) {
      String line = new String(in.readNBytes(DIGEST_LENGTH), StandardCharsets.US_ASCII);
      return Optional.of(line);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<String> sha256(URL url) {
    try (InputStream in = opened(url)) {
      return Optional.of(sha256(in));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** {@return the digest of all that a stream has, in lower-case hexadecimal digits} */
  static String sha256(InputStream in) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // each JDK has it
    }
  }

  /** Without the JVM's cache of archives, which would keep one that is replaced later. */
  private static InputStream opened(URL url) throws IOException {
    URLConnection connection = url.openConnection();
    connection.setUseCaches(false);
    return connection.getInputStream();
  }
}

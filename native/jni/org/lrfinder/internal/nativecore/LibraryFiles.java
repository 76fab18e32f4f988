package org.lrfinder.internal.nativecore;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Native libraries as files that nobody else can change, and whose SHA-256 is that which the build
 * put beside them. They are unpacked to a folder of JavaCPP's cache that is named by the digest, so
 * that another version is another file, and what a running process has mapped is never written to.
 */
final class LibraryFiles {
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final int DIGEST_LENGTH = 64;
  private static final int NAME_LENGTH = 16; // of a folder

  private final Function<String, URL> resources;
  private final List<String> warnings = new ArrayList<>();
  private Path ofThisProcess; // the folder that ends with it; null if there is none

  LibraryFiles(Function<String, URL> resources) {
    this.resources = resources;
  }

  List<String> warnings() {
    return List.copyOf(warnings);
  }

  /**
   * Unpacks a library, unless it is, and verifies it.
   *
   * @throws DamagedJar if it is not what was built
   * @throws IOException if there is no folder to unpack it to; the message says why and what to do
   */
  Path verified(String name) throws IOException {
    URL packed = packed(name);
    if (packed.getProtocol().equals("file")) {
      return inPlace(packed, name);
    }
    String problem = "there is no cache folder";
    Optional<Path> cache = LoadFailure.cacheFolder();
    if (cache.isPresent()) {
      try {
        String version = digestOf(name).substring(0, NAME_LENGTH);
        return verified(name, cache.get().resolve("lrfinder").resolve(version));
      } catch (DamagedJar e) {
        throw e;
      } catch (IOException e) {
        problem = words(e);
      }
    }
    try {
      Path folder = newFolder();
      folder.toFile().deleteOnExit(); // after the files in it, which are registered later
      ofThisProcess = folder;
      Path file = verified(name, folder);
      warnings.add(
          "the native library was unpacked to %s for this process alone, since %s; %s"
              .formatted(folder, problem, LoadFailure.OTHER_FOLDER));
      return file;
    } catch (DamagedJar e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(
          "it cannot be unpacked: %s; and %s; %s"
              .formatted(problem, words(e), LoadFailure.OTHER_FOLDER),
          e);
    }
  }

  /** The same in a given folder, which is made if it is missing. */
  Path verified(String name, Path folder) throws IOException {
    URL packed = packed(name);
    if (packed.getProtocol().equals("file")) {
      return inPlace(packed, name);
    }
    String digest = digestOf(name);
    try {
      Files.createDirectories(folder, PRIVATE);
    } catch (IOException e) {
      throw new IOException(LoadFailure.ofWriting(e, folder, 0), e);
    }
    Optional<String> others = FolderAccess.writableByOthers(folder);
    if (others.isPresent()) {
      throw new IOException(others.get());
    }
    Path file = folder.resolve(name);
    boolean damaged = false;
    if (Files.exists(file)) {
      if (sha256(Files.readAllBytes(file)).equals(digest)) {
        return file;
      }
      damaged = true;
    }
    byte[] library = read(packed);
    if (!sha256(library).equals(digest)) {
      throw new DamagedJar(packed, mismatch(sha256(library), digest), null);
    }
    if (folder.equals(ofThisProcess)) {
      file.toFile().deleteOnExit();
    }
    try {
      write(library, file);
    } catch (IOException e) {
      String problem = LoadFailure.ofWriting(e, folder, library.length);
      throw new IOException(
          damaged ? file + " is damaged: delete it; it cannot be replaced: " + problem : problem,
          e);
    }
    String written = sha256(Files.readAllBytes(file));
    if (!written.equals(digest)) {
      throw new IOException(file + " is damaged once more: " + mismatch(written, digest));
    }
    if (damaged) {
      warnings.add(file + " was damaged and was unpacked anew: look after that disk");
    }
    return file;
  }

  /** Nobody else's, by its permissions. */
  private static Path newFolder() throws IOException {
    try {
      return Files.createTempDirectory("lrfinder");
    } catch (IOException e) {
      Path parent = Path.of(System.getProperty("java.io.tmpdir"));
      throw new IOException(LoadFailure.ofWriting(e, parent, 0), e);
    }
  }

  /** Of a build whose classes lie in a folder. */
  private Path inPlace(URL packed, String name) throws IOException {
    try {
      Path file = Path.of(packed.toURI());
      String found = sha256(Files.readAllBytes(file));
      if (!found.equals(digestOf(name))) {
        throw new DamagedJar(packed, mismatch(found, digestOf(name)), null);
      }
      return file;
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  private URL packed(String name) throws IOException {
    URL packed = resources.apply(name);
    if (packed == null) {
      throw new IOException("the native library's jar has no " + name + ": get it again");
    }
    return packed;
  }

  /** As {@code sha256sum} writes it. */
  private String digestOf(String name) throws IOException {
    URL url = packed(name + ".sha256");
    String line = new String(read(url), StandardCharsets.US_ASCII);
    if (line.length() < DIGEST_LENGTH) {
      throw new DamagedJar(url, "it is too short", null);
    }
    return line.substring(0, DIGEST_LENGTH);
  }

  /** Within an archive, what cannot be read was written otherwise. */
  private static byte[] read(URL url) throws IOException {
    try {
      URLConnection connection = url.openConnection();
      connection.setUseCaches(false); // which would keep the archive open
      try (InputStream in = connection.getInputStream()) {
        return in.readAllBytes();
      }
    } catch (IOException e) {
      throw new DamagedJar(url, String.valueOf(e.getMessage()), e);
    }
  }

  /** The file is whole or not there, whoever else writes it at the same time. */
  private static void write(byte[] library, Path file) throws IOException {
    Path unfinished = Files.createTempFile(file.getParent(), "unpacking", ".tmp");
    try {
      Files.write(unfinished, library);
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private static String mismatch(String found, String wanted) {
    return "its SHA-256 is %s, but must be %s".formatted(found, wanted);
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // each JDK has it
    }
  }

  private static String words(IOException e) {
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }
}

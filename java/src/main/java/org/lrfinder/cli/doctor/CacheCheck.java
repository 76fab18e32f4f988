package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.bytedeco.javacpp.Loader;

/**
 * The folder that JavaCPP unpacks native libraries to, and whether those that lie there are what
 * their jars hold. JavaCPP itself trusts a file by its name and time, and the JVM dies of one that
 * was cut off.
 */
final class CacheCheck {
  private static final String PROPERTY = "org.bytedeco.javacpp.cachedir";
  private static final String OPTION = "-D" + PROPERTY + "=";
  private static final long ROOM = 1L << 30; // for libtorch with MKL, and to spare
  private static final int BUFFER = 1 << 20;

  private CacheCheck() {}

  static Section examine() {
    Section.Builder section = Section.of("cache");
    Path folder;
    try {
      folder = Loader.getCacheDir().toPath().toAbsolutePath();
    } catch (IOException e) {
      return section
          .find(
              Finding.broken(
                  "cache-unwritable",
                  "there is no folder that native libraries can be unpacked to: neither %s nor %s can be written"
                      .formatted(
                          Path.of(System.getProperty("user.home"), ".javacpp"),
                          System.getProperty("java.io.tmpdir")),
                  another()))
          .build();
    }
    boolean filled = isFilled(folder);
    Optional<Mount> mount = Mount.of(folder);
    section
        .fact("folder", folder.toString())
        .fact("filled", filled)
        .fact("free_bytes", freeBytes(folder))
        .fact("file_system", mount.map(Mount::type).orElse(null))
        .fact("noexec", mount.map(Mount::isNoexec).orElse(null));
    try {
      PosixFileAttributes attributes = Files.readAttributes(folder, PosixFileAttributes.class);
      section
          .fact("owner", attributes.owner().getName())
          .fact("permissions", PosixFilePermissions.toString(attributes.permissions()));
    } catch (IOException | UnsupportedOperationException e) {
      // not known here
    }
    Stream.of(useless(folder, filled), passedOver(folder, filled), damagedLibraries(folder))
        .flatMap(Optional::stream)
        .forEach(section::find);
    return section.build();
  }

  /** Where nothing can be unpacked to, or run from. */
  private static Optional<Finding> useless(Path folder, boolean filled) {
    if (Mount.of(folder).filter(Mount::isNoexec).isPresent()) {
      return Optional.of(
          Finding.broken(
              "cache-noexec",
              "nothing that lies in %s can be run, since its file system is mounted noexec"
                  .formatted(folder),
              another()));
    }
    long free = freeBytes(folder);
    return filled || free >= ROOM
        ? Optional.empty()
        : Optional.of(
            Finding.broken(
                "cache-full",
                "%s has room for %d MiB, and unpacking libtorch takes %d"
                    .formatted(folder, free >> 20, ROOM >> 20),
                another()));
  }

  /** The folder that was to be, where JavaCPP has taken another. */
  private static Optional<Finding> passedOver(Path folder, boolean filled) {
    Path first =
        Path.of(System.getProperty(PROPERTY, System.getProperty("user.home") + "/.javacpp/cache"));
    return isSame(first, folder)
        ? Optional.empty()
        : Optional.of(
            new Finding(
                "cache-elsewhere",
                // Where it ends with a container it is unpacked to at each start.
                filled ? Severity.NOTE : Severity.SLOW,
                "JavaCPP unpacks to %s, since this user cannot write to %s, which it therefore does not take, filled or not"
                    .formatted(folder, first),
                isOwn(first) ? Cure.commands("chmod u+w " + Cure.quoted(first)) : another()));
  }

  private static Optional<Finding> damagedLibraries(Path folder) {
    Set<Path> damaged = damaged(folder).keySet();
    return damaged.isEmpty()
        ? Optional.empty()
        : Optional.of(
            Finding.broken(
                "damaged-library",
                "not what its jar holds, and the JVM may die of loading it: "
                    + damaged.stream().map(Path::toString).collect(Collectors.joining(", ")),
                Cure.commands(
                    damaged.stream()
                        .map(file -> "rm " + Cure.quoted(file))
                        .toArray(String[]::new))));
  }

  private static boolean isSame(Path one, Path other) {
    try {
      return Files.isSameFile(one, other);
    } catch (IOException e) {
      return false; // not there
    }
  }

  private static boolean isOwn(Path folder) {
    try {
      return Files.getOwner(folder).getName().equals(System.getProperty("user.name"))
          && !Mount.of(folder).map(Mount::options).orElse(List.of()).contains("ro");
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  /** {@return whether libtorch lies there unpacked} */
  private static boolean isFilled(Path folder) {
    return Library.PYTORCH.nativePlaces().stream()
        .flatMap(
            jar ->
                Library.PYTORCH
                    .nativeFolders()
                    .map(name -> folder.resolve(jar.getFileName()).resolve(name)))
        .anyMatch(unpacked -> Files.exists(unpacked.resolve(System.mapLibraryName("jnitorch"))));
  }

  /** {@return files that are not what their jar has of them, by its checksums} */
  static Map<Path, Path> damaged(Path folder) {
    Map<Path, Path> damaged = new TreeMap<>();
    Stream.of(Library.values())
        .flatMap(library -> library.nativePlaces().stream())
        .filter(Files::isRegularFile)
        .distinct()
        .forEach(
            jar -> {
              try (ZipFile packed = new ZipFile(jar.toFile())) {
                for (ZipEntry entry : Collections.list(packed.entries())) {
                  Path file = folder.resolve(jar.getFileName()).resolve(entry.getName());
                  if (isDamaged(file, entry)) {
                    damaged.put(file, jar);
                  }
                }
              } catch (IOException e) {
                // A jar that cannot be read is another check's.
              }
            });
    return damaged;
  }

  private static boolean isDamaged(Path file, ZipEntry packed) throws IOException {
    if (!Files.isRegularFile(
        file, LinkOption.NOFOLLOW_LINKS)) { // JavaCPP links to other jars' files
      return false;
    }
    if (Files.size(file) != packed.getSize()) {
      return true;
    }
    CRC32 checksum = new CRC32();
    try (InputStream in = new CheckedInputStream(Files.newInputStream(file), checksum)) {
      byte[] buffer = new byte[BUFFER];
      while (in.read(buffer) >= 0) {
        // counted by the stream
      }
    }
    return checksum.getValue() != packed.getCrc();
  }

  /** {@return how JavaCPP gets the first of the usual places that would do} */
  static Cure another() {
    String user = System.getProperty("user.name");
    return Stream.of(
            Path.of(System.getProperty("user.home"), ".javacpp", "cache"),
            Path.of(System.getProperty("user.home"), ".cache", "javacpp"),
            Path.of("/var/tmp", "javacpp-" + user),
            Path.of("/tmp", "javacpp-" + user),
            Path.of("/dev/shm", "javacpp-" + user))
        .filter(CacheCheck::wouldDo)
        .findFirst()
        .map(folder -> Jvm.with(OPTION + folder, OPTION))
        .orElse(
            Cure.words(
                "choose a folder that can be written, from which libraries can be run and that has room for %d MiB, by %sFOLDER"
                    .formatted(ROOM >> 20, OPTION)));
  }

  private static boolean wouldDo(Path folder) {
    Path at = folder;
    while (!Files.exists(at)) {
      at = at.getParent();
    }
    return Files.isDirectory(at)
        && Files.isWritable(at)
        && freeBytes(at) >= ROOM
        && Mount.of(at).filter(Mount::isNoexec).isEmpty();
  }

  private static long freeBytes(Path folder) {
    try {
      return Files.getFileStore(folder).getUsableSpace();
    } catch (IOException e) {
      return 0;
    }
  }
}

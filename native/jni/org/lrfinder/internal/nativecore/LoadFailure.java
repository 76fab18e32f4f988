package org.lrfinder.internal.nativecore;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;

/**
 * Why a native library was not loaded. What the loaders say is in the machine's language or leaves
 * the reason out: what can be asked of the machine is asked.
 */
final class LoadFailure {
  static final String OTHER_FOLDER =
      "another folder is chosen by -Dorg.bytedeco.javacpp.cachedir=FOLDER";

  private static final Pattern GLIBC = Pattern.compile("\\b(GLIBC(?:XX)?)_([0-9.]+)");
  private static final long LIBTORCH_BYTES = 512L << 20; // about, unpacked
  private static final long MEBIBYTE = 1 << 20;

  private LoadFailure() {}

  /** {@return the folder that JavaCPP unpacks libraries to; empty if it finds none} */
  static Optional<Path> cacheFolder() {
    try {
      return Optional.of(Loader.getCacheDir().toPath().toAbsolutePath());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Explains why a library of ours was not loaded from where it lies. */
  static String ofLibrary(Throwable failure, Path library) {
    List<String> said = said(failure);
    return olderSystem(said)
        .or(() -> noexec(library.getParent()))
        .orElseGet(() -> String.join("; ", said));
  }

  /** Explains why libtorch, which JavaCPP unpacks and loads, is not there. */
  static String ofLibtorch(Throwable failure) {
    List<String> said = said(failure);
    Optional<Path> cache = cacheFolder();
    if (cache.isEmpty()) {
      return "neither %s nor %s can be written to unpack native libraries; %s"
          .formatted(
              Path.of(System.getProperty("user.home"), ".javacpp"),
              System.getProperty("java.io.tmpdir"),
              OTHER_FOLDER);
    }
    return olderSystem(said)
        .or(() -> noexec(cache.get()))
        .or(() -> noRoom(cache.get(), said))
        .orElseGet(
            () ->
                "%s; if files below %s are damaged, delete that folder, and they are unpacked anew"
                    .formatted(String.join("; ", said), cache.get()));
  }

  private static Optional<String> olderSystem(List<String> said) {
    return GLIBC
        .matcher(String.join("\n", said))
        .results()
        .findFirst()
        .map(
            needed ->
                "it needs %s %s or later, and this machine's is older: use a newer Linux, such as Debian 12 or Ubuntu 22.04"
                    .formatted(
                        needed.group(1).equals("GLIBC") ? "glibc" : "libstdc++ with GLIBCXX",
                        needed.group(2)));
  }

  private static Optional<String> noexec(Path folder) {
    return isMountedNoexec(folder)
        ? Optional.of(
            "nothing that lies in %s can be run, since its file system is mounted noexec; %s"
                .formatted(folder, OTHER_FOLDER))
        : Optional.empty();
  }

  private static Optional<String> noRoom(Path folder, List<String> said) {
    if (!Files.isWritable(folder)) {
      return Optional.of("%s cannot be written; %s".formatted(folder, OTHER_FOLDER));
    }
    return freeBytes(folder)
        .filter(free -> free < LIBTORCH_BYTES)
        .map(
            free ->
                "the disk of %s is full: %d MiB are free, of about %d that libtorch takes while it is not unpacked; make room, or %s (%s)"
                    .formatted(
                        folder,
                        free / MEBIBYTE,
                        LIBTORCH_BYTES / MEBIBYTE,
                        OTHER_FOLDER,
                        String.join("; ", said)));
  }

  /** Explains why a file of some bytes could not be written to a folder. */
  static String ofWriting(IOException failure, Path folder, long bytes) {
    if (freeBytes(folder).filter(free -> free < bytes).isPresent()) {
      return "the disk of %s is full".formatted(folder);
    }
    if (failure instanceof AccessDeniedException) {
      return folder + " cannot be written";
    }
    String reason = failure instanceof FileSystemException e ? e.getReason() : failure.getMessage();
    return "%s cannot be written: %s".formatted(folder, reason == null ? failure : reason);
  }

  private static Optional<Long> freeBytes(Path folder) {
    try {
      return Optional.of(Files.getFileStore(folder).getUsableSpace());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The first line of each message, from the failure to its cause. */
  private static List<String> said(Throwable failure) {
    List<String> said = new ArrayList<>();
    for (Throwable at = failure; at != null; at = at.getCause()) {
      String message = at.getMessage() == null ? at.toString() : at.getMessage();
      said.add(message.lines().findFirst().orElse(message));
    }
    return said;
  }

  private static boolean isMountedNoexec(Path folder) {
    try {
      Path real = folder.toRealPath();
      Path mounted = Path.of("/");
      boolean noexec = false;
      for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
        String[] fields = line.split(" ");
        Path at = Path.of(fields[1].replace("\\040", " "));
        if (real.startsWith(at) && at.startsWith(mounted)) { // the last of several at one place
          mounted = at;
          noexec = List.of(fields[3].split(",")).contains("noexec");
        }
      }
      return noexec;
    } catch (IOException e) {
      return false;
    }
  }
}

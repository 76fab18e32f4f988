package org.lrfinder.internal.nativecore;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.Optional;

/** Who else may change what lies in a folder, on Linux. */
final class FolderAccess {
  private static final int ROOT = 0;
  private static final int OVERFLOW = 65534; // who owns what has no owner in this user namespace
  private static final int STICKY = 01000;
  private static final int WRITABLE_BY_GROUP = 020;
  private static final int WRITABLE_BY_ALL = 02;

  private FolderAccess() {}

  /**
   * Looks at a folder and at all that it lies in: who can write to one of them can put another
   * folder in its place. Root may, and a group of the owner's own name, which is the owner's alone.
   *
   * @return which folder others can write to, in words; empty if none
   */
  static Optional<String> writableByOthers(Path folder) throws IOException {
    int self = uid(Path.of("/proc/self"));
    for (Path at = folder.toRealPath(); at != null; at = at.getParent()) {
      int mode = (Integer) Files.getAttribute(at, "unix:mode");
      int owner = uid(at);
      boolean sticky = (mode & STICKY) != 0; // others can add to it, and replace nothing
      if (owner != ROOT && owner != self && owner != OVERFLOW) {
        return Optional.of(at + " belongs to another user");
      }
      if (!sticky && (mode & WRITABLE_BY_ALL) != 0) {
        return Optional.of(at + " can be written by all users (chmod go-w)");
      }
      if (!sticky && (mode & WRITABLE_BY_GROUP) != 0 && !isOwnGroup(at)) {
        return Optional.of(at + " can be written by its group (chmod go-w)");
      }
    }
    return Optional.empty();
  }

  private static int uid(Path path) throws IOException {
    return (Integer) Files.getAttribute(path, "unix:uid");
  }

  private static boolean isOwnGroup(Path folder) throws IOException {
    PosixFileAttributes attributes = Files.readAttributes(folder, PosixFileAttributes.class);
    return attributes.group().getName().equals(attributes.owner().getName());
  }
}

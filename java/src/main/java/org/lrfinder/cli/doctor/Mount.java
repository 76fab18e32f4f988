package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A mounted file system. */
record Mount(Path path, String type, List<String> options) {
  /** {@return the one in which a folder lies} */
  static Optional<Mount> of(Path folder) {
    try {
      Path real = folder.toRealPath();
      Mount found = null;
      for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
        String[] fields = line.split(" ");
        Path path = Path.of(fields[1].replace("\\040", " "));
        // The last of several at one place.
        if (real.startsWith(path) && (found == null || path.startsWith(found.path))) {
          found = new Mount(path, fields[2], List.of(fields[3].split(",")));
        }
      }
      return Optional.ofNullable(found);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** {@return whether nothing that lies there can be run} */
  boolean isNoexec() {
    return options.contains("noexec");
  }
}

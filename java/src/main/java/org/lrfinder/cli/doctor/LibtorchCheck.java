package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;

/** Whether libtorch loads. */
final class LibtorchCheck {
  private LibtorchCheck() {}

  static Section examine(Trial trial, Optional<String> version) {
    Trial.Ended load = trial.of(Step.LIBTORCH);
    Section.Builder section =
        Section.of("libtorch")
            .fact("version", version.orElse(null))
            .fact("failure", load.failure().orElse(null))
            .fact("files", load.seen().get("files"));
    if (load.failure().isPresent()) {
      damagedJars().forEach(section::find);
      section.find(
          Finding.broken(
              "libtorch",
              "libtorch could not be loaded: "
                  + load.failure().get().replaceFirst("^libtorch could not be loaded: ", ""),
              Cure.words(
                  "as it says; loading.md in lrfinder's documentation has what is behind it")));
    }
    return section.build();
  }

  /** What was unpacked only now, and is not what its jar says it has, was damaged there. */
  private static List<Finding> damagedJars() {
    List<Finding> found = new ArrayList<>();
    try {
      for (Map.Entry<Path, Path> file :
          CacheCheck.damaged(Loader.getCacheDir().toPath().toAbsolutePath()).entrySet()) {
        List<String> lines = new ArrayList<>();
        lines.add("rm " + Cure.quoted(file.getKey()));
        Cure jar = LibrariesCheck.fetchedAnew(file.getValue());
        lines.addAll(jar.lines());
        found.add(
            Finding.broken(
                "damaged-jar",
                "%s is damaged: %s, unpacked from it, is not what it should hold"
                    .formatted(file.getValue(), file.getKey()),
                new Cure(jar.how(), lines)));
      }
    } catch (IOException e) {
      // Without a cache folder nothing was unpacked.
    }
    return found;
  }
}

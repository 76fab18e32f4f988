package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Examines what lrfinder runs on. This JVM reads and compares; whatever loads a native library is
 * tried in a JVM of its own, since it may end that.
 */
public final class Doctor {
  /** With these, nothing would come of loading libtorch but their consequences. */
  private static final Set<String> FORBID_LOADING =
      Set.of(
          "old-glibc",
          "libtorch-missing",
          "cache-unwritable",
          "cache-noexec",
          "cache-full",
          "damaged-library");

  private final Consumer<Section> told;
  private final List<Section> sections = new ArrayList<>();

  private Doctor(Consumer<Section> told) {
    this.told = told;
  }

  /**
   * Examines this JVM's class path, its machine and its libraries. Takes some seconds, and longer
   * where libtorch has to be unpacked first, which this does.
   *
   * @param told what each check saw, as soon as it has
   * @return all of it
   * @throws InterruptedException if this thread was interrupted; no process stays
   */
  public static Diagnosis examine(Consumer<Section> told) throws InterruptedException {
    return new Doctor(told).examine();
  }

  private Diagnosis examine() throws InterruptedException {
    add(PlatformCheck.examine());
    add(JavaCheck.examine());
    add(new LibrariesCheck(ClassPath.ofThisJvm()).examine());
    add(NativeLibraryCheck.examine());
    add(CacheCheck.examine());
    Trial trial;
    try {
      trial = Trial.of(steps());
    } catch (IOException e) {
      add(
          Section.of("trial")
              .find(
                  Finding.broken(
                      "no-jvm",
                      "no JVM could be started to load the libraries in: " + e.getMessage(),
                      Cure.words("as it says")))
              .build());
      return new Diagnosis(sections, /* complete= */ false);
    }
    add(Section.of("digests").facts(trial.of(Step.DIGESTS).seen()).build());
    add(MemoryCheck.examine(trial));
    add(ThreadsCheck.examine(trial));
    add(LibtorchCheck.examine(trial, swept(trial, "libtorch")));
    add(EngineCheck.examine("native_engine", trial.of(Step.NATIVE)));
    add(EngineCheck.examine("portable_engine", trial.of(Step.PORTABLE)));
    add(BlasCheck.examine(trial, swept(trial, "blas")));
    add(CudaCheck.examine(trial));
    return new Diagnosis(sections, /* complete= */ true);
  }

  private List<Step> steps() {
    return findings().anyMatch(finding -> FORBID_LOADING.contains(finding.id()))
        ? List.of(Step.DIGESTS)
        : List.of(Step.values());
  }

  /** By whichever engine works. */
  private static Optional<String> swept(Trial trial, String key) {
    return Stream.of(Step.NATIVE, Step.PORTABLE)
        .flatMap(step -> Stream.ofNullable((String) trial.of(step).seen().get(key)))
        .findFirst();
  }

  private Stream<Finding> findings() {
    return sections.stream().flatMap(section -> section.findings().stream());
  }

  /** What fails where something more basic is broken may be its consequence: only a fact. */
  private void add(Section section) {
    boolean explained = findings().anyMatch(finding -> finding.severity() == Severity.BROKEN);
    boolean tried = section.facts().containsKey("failure");
    Section kept =
        explained && tried ? new Section(section.name(), section.facts(), List.of()) : section;
    sections.add(kept);
    told.accept(kept);
  }
}

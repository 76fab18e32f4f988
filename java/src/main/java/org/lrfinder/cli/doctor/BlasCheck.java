package org.lrfinder.cli.doctor;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;

/** Whether the threads of BLAS and of libtorch hinder each other, by measuring. */
final class BlasCheck {
  /** The presets' for MKL, as this version of lrfinder is tested with them. */
  static final String MKL_VERSION = "2025.3-1.5.13";

  private static final String CHOICE = "-Dorg.bytedeco.openblas.load=";
  private static final double COLLAPSE = 2; // on two cores OpenBLAS has 4 and more, MKL 0.6
  private static final double BUSY = 1.2; // with this process's own

  private BlasCheck() {}

  static Section examine(Trial trial, Optional<String> blas) {
    Map<String, Object> seen = trial.of(Step.BLAS).seen();
    Section.Builder section =
        Section.of("blas")
            .fact("name", blas.orElse(null))
            .fact("failure", trial.of(Step.BLAS).failure().orElse(null))
            .facts(seen);
    if (!seen.isEmpty()) {
      double all = ((Number) seen.get("all_threads_us")).doubleValue();
      double one = ((Number) seen.get("one_thread_us")).doubleValue();
      judge(all, one, blas.equals(Optional.of("MKL")), Kernel.load()).ifPresent(section::find);
    }
    return section.build();
  }

  /**
   * Judges two measurements.
   *
   * @param all microseconds of a wide layer's work on all threads
   * @param one the same on one thread
   * @param mkl whether MKL multiplies, whose threads are libtorch's own
   * @param load how many processes wanted each processor meanwhile
   */
  static Optional<Finding> judge(double all, double one, boolean mkl, double load) {
    if (all < COLLAPSE * one) {
      return Optional.empty();
    }
    String measured =
        "a wide layer takes %.0f times as long on all threads as on one (%.0f and %.0f microseconds)"
            .formatted(all / one, all, one);
    if (!mkl) {
      return Optional.of(
          Finding.slow(
              "blas-threads",
              measured + ": the threads of OpenBLAS and of libtorch hinder each other",
              otherBlas()));
    }
    Cure fewer = Cure.commands("export OMP_NUM_THREADS=1");
    return Optional.of(
        load >= BUSY
            ? Finding.note(
                "busy-machine",
                measured + ": other processes have the processors, %.1f want each".formatted(load),
                Cure.words("run lrfinder doctor again when they have ended"))
            : Finding.slow("slow-threads", measured, fewer));
  }

  private static Cure otherBlas() {
    String platform = Loader.getPlatform();
    if (!platform.endsWith("x86_64")) {
      return Cure.commands("export OMP_NUM_THREADS=1");
    }
    if (!Library.MKL.nativePlaces().isEmpty()) {
      return Jvm.with(CHOICE + "mkl", CHOICE);
    }
    return new Cure(
        "add to pom.xml, or these jars to the class path; a program of your own is also started with %smkl"
            .formatted(CHOICE),
        List.of(
            Library.MKL.dependency(MKL_VERSION, platform),
            Library.MKL.dependency(MKL_VERSION, platform + "-redist")));
  }
}

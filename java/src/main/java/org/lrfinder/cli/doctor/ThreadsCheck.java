package org.lrfinder.cli.doctor;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** How many threads there are for how many processors. */
final class ThreadsCheck {
  private static final List<String> VARIABLES =
      List.of("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS");

  private ThreadsCheck() {}

  static Section examine(Trial trial) {
    OptionalDouble limit = Kernel.processorLimit();
    Map<String, Object> seen = trial.of(Step.LIBTORCH).seen();
    Section.Builder section =
        Section.of("threads")
            .fact("processors", Runtime.getRuntime().availableProcessors())
            .fact("container_processors", limit.isPresent() ? limit.getAsDouble() : null)
            .fact("libtorch_threads", seen.get("libtorch_threads"))
            .fact("blas_threads", seen.get("blas_threads"));
    for (String variable : VARIABLES) {
      section.fact(variable, System.getenv(variable));
    }
    if (limit.isPresent() && seen.get("libtorch_threads") instanceof Integer threads) {
      tooMany(threads, limit.getAsDouble()).ifPresent(section::find);
    }
    return section.build();
  }

  /** Threads that wait for one that the container's limit has stopped. */
  static Optional<Finding> tooMany(int threads, double limit) {
    int fitting = (int) Math.ceil(limit);
    return threads <= fitting
        ? Optional.empty()
        : Optional.of(
            Finding.slow(
                "too-many-threads",
                "libtorch works on %d threads, but this container may use the time of %.1f processors"
                    .formatted(threads, limit),
                Cure.commands("export OMP_NUM_THREADS=" + fitting)));
  }
}

package org.lrfinder.benchmarks.quality;

import java.util.List;
import java.util.stream.Stream;

/** A task with all that was measured of it. */
record Row(String folder, Task.Name name, Truth truth, Measurement measured) {
  String task() {
    return "%s/%s--%s".formatted(folder, name.network(), name.optimizer());
  }

  /** {@return the answers of a finder with that many steps} */
  List<Run> of(String finder, int steps) {
    return measured.runs().stream()
        .filter(run -> run.finder().equals(finder) && run.steps() == steps)
        .toList();
  }

  Stream<String> finders() {
    return measured.runs().stream().map(Run::finder).distinct();
  }
}

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

  /**
   * {@return what tasks have in common that do not vary independently: the data, and the kind of
   * network}
   */
  String kin() {
    String[] words = name.network().split("-");
    return words[0] + "-" + words[1];
  }

  Stream<String> finders() {
    return measured.runs().stream().map(Run::finder).distinct();
  }
}

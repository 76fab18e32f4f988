package org.lrfinder.benchmarks.speed;

/**
 * Two sweeps by one contender in a process of its own, whose memory is watched: started by {@link
 * Processes} with the name of a network and the name of a contender.
 */
final class OneSweep {
  private OneSweep() {}

  public static void main(String[] arguments) {
    Case subject = Case.of(arguments[0]);
    Workload workload = Workload.of(subject, true);
    Contender contender = Contenders.of(arguments[1], workload);
    contender.sweep(subject.steps());
    contender.sweep(subject.steps());
  }
}

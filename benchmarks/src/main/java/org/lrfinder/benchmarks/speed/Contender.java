package org.lrfinder.benchmarks.speed;

/** One way to do sweeps and trainings of a workload. The clock runs where the work is done. */
interface Contender {
  /** The smallest rate of every sweep. */
  double MIN_LR = 1e-8;

  /** The largest: at higher ones some networks overflow, and some contenders stop there. */
  double MAX_LR = 1e-2;

  /** As in the tables. */
  String name();

  /** Does a whole sweep and leaves the network as it was. */
  Timed sweep(int steps);

  /** Trains for one epoch, and leaves the network as that makes it. */
  Timed epoch();

  /** Whether {@link #epoch} is there. */
  boolean trains();
}

package org.lrfinder.trainer;

import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.distributed.Distributed;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.engine.Peers;
import org.lrfinder.sweep.StepSettings;

/**
 * What a trainer does.
 *
 * @param autoLrFind whether a sweep precedes the training
 * @param attribute name or path of the learning rate; null for the default names
 * @param lrFindAtEpochs epochs that a sweep precedes as well
 * @param finder of those sweeps; null for one with Lightning's defaults
 * @param lrFindRetries whether that one sweeps again where a sweep has no answer
 * @param device null leaves model and batches where they are
 * @param defaultRootDir of the default logger
 * @param progressBar whether to draw bars; else a line for each epoch
 * @param group of processes that train together; null for this one alone
 */
record TrainerSettings(
    boolean autoLrFind,
    @Nullable String attribute,
    Set<Integer> lrFindAtEpochs,
    @Nullable LrFinder finder,
    boolean lrFindRetries,
    int maxEpochs,
    long maxSteps,
    StepSettings step,
    @Nullable String device,
    EngineChoice engine,
    Path defaultRootDir,
    int logEverySteps,
    boolean progressBar,
    @Nullable Distributed group) {
  /** Whether this is the process that prints, logs and writes. */
  boolean isFirst() {
    return group == null || group.isFirst();
  }

  /** To be closed; null for this process alone. */
  @Nullable Peers peers() {
    return group == null ? null : new Peers(group.backend(), group.broadcasts(), group::diagnosis);
  }
}

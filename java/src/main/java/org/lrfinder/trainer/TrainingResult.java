package org.lrfinder.trainer;

import java.util.Optional;
import java.util.OptionalDouble;
import org.lrfinder.LrFinderResult;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.engine.Replay;

/**
 * What a training came to. Immutable, without native memory, and safe to use from any thread.
 *
 * @param epochs whole epochs done since the training began, those before a checkpoint included
 * @param steps optimizer steps done, likewise
 * @param trainLoss mean loss of the last epoch's steps; NaN if it had none
 * @param validationLoss of the last epoch; empty without validation batches
 * @param lrFind what the last sweep of this training found; empty if there was none
 * @param engine what computed the last epoch's steps; empty if there was no epoch
 * @param replay how many steps of this {@code fit} were replayed, and if none, why
 * @param interrupted whether the thread was interrupted, which ended the training early
 * @param stopped whether {@link Trainer#stop} was called, which did
 */
public record TrainingResult(
    long epochs,
    long steps,
    double trainLoss,
    OptionalDouble validationLoss,
    Optional<LrFinderResult> lrFind,
    Optional<EngineInfo> engine,
    Replay replay,
    boolean interrupted,
    boolean stopped) {}

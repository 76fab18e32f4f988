package org.lrfinder.trainer;

import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Suggestion;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sweeps a model within its training, sets the learning rate found, and tells of it. */
final class LearningRateSetter<B> {
  private static final Logger LOG = LoggerFactory.getLogger(LearningRateSetter.class);

  private final ModelTask<B> task;
  private final LearningRateSearch search;
  private final Observers observers;
  private final BooleanSupplier stopped;

  private @Nullable LrFinderResult found;
  private long sweptBatches;

  LearningRateSetter(
      ModelTask<B> task, LearningRateSearch search, Observers observers, BooleanSupplier stopped) {
    this.task = task;
    this.search = search;
    this.observers = observers;
    this.stopped = stopped;
  }

  /** The last sweep's. */
  Optional<LrFinderResult> found() {
    return Optional.ofNullable(found);
  }

  /** The model makes its optimizer anew, with the rate found; null if it stays as it is. */
  @Nullable ConfiguredOptimizer setBeforeTraining(ConfiguredOptimizer configured) {
    Suggestion suggestion = find(configured);
    if (suggestion == null) {
      return null;
    }
    LearningRateAttribute attribute = attributeToSet();
    double lr = suggestion.lr();
    ConfiguredOptimizer made = setAndMake(lr);
    double used = made.largestLr();
    if (!near(used, lr) && used > 0) {
      // The sweep's rate is that of the group with the largest, which may be a multiple of the
      // model's.
      made = setAndMake(lr * lr / used);
      if (!near(made.largestLr(), lr)) {
        made = setAndMake(lr);
      }
      used = made.largestLr();
    }
    observers.console().learningRateSet(attribute, suggestion);
    if (!near(used, lr)) {
      observers.console().learningRateNotUsed(attribute, used);
      LOG.warn(
          "{} was set to {}, but configureOptimizers() made an optimizer with the rate {}",
          attribute.description(),
          lr,
          used);
    }
    return made;
  }

  private ConfiguredOptimizer setAndMake(double lr) {
    attributeToSet().set(lr);
    return ConfiguredOptimizer.by(task.model());
  }

  private static boolean near(double used, double lr) {
    return Math.abs(used - lr) <= 1e-6 * lr;
  }

  /** The optimizer keeps its state and gets the rate found; returns whether there is one. */
  boolean setBetweenEpochs(ConfiguredOptimizer configured) {
    double lrPerGroupLr = lrPerGroupLr(configured);
    Suggestion suggestion = find(configured);
    if (suggestion == null) {
      return false;
    }
    LearningRateAttribute attribute = attributeToSet();
    attribute.set(suggestion.lr() * lrPerGroupLr);
    suggestion.applyTo(configured.optimizer());
    observers.console().learningRateSet(attribute, suggestion);
    return true;
  }

  /** The model's rate as a multiple of the largest group's; 1 where that cannot be told. */
  private double lrPerGroupLr(ConfiguredOptimizer configured) {
    Number lr = attributeToSet().value();
    double largest = configured.largestLr();
    // A scheduler has moved the groups' rates since the model made them.
    boolean known = lr != null && lr.doubleValue() > 0 && largest > 0 && !configured.movesRates();
    return known ? lr.doubleValue() / largest : 1;
  }

  /** Sweeps and tells of it; null leaves the rate as it was. */
  private @Nullable Suggestion find(ConfiguredOptimizer configured) {
    long drawn = task.watched().drawn();
    LrFinderResult result = search.find(task, configured.optimizer(), null, stopped);
    sweptBatches = task.watched().drawn() - drawn;
    found = result;
    if (observers.listener() != null) {
      observers.listener().onLearningRateFound(result);
    }
    Suggestion suggestion = result.suggestion().orElse(null);
    if (suggestion == null) {
      LearningRateAttribute attribute = attributeToSet();
      observers.console().learningRateKept(attribute, result);
      LOG.warn(
          "No learning rate was found, sweep {}: {}; {} stays {}",
          result.endReason().words(),
          result.status().words(),
          attribute.description(),
          attribute.value());
    }
    return suggestion;
  }

  private LearningRateAttribute attributeToSet() {
    return Objects.requireNonNull(task.attribute()); // there is one where a sweep sets the rate
  }

  /** Of a source that can be walked once, the sweep's batches are lost to the training. */
  void warnOfSweptBatches() {
    if (sweptBatches > 0 && task.watched().sameIterator()) {
      String warning =
          "the sweep and the training were given the same iterator of the training batches: unless it starts anew, the %d batches that the sweep drew are missing from the training; make a new iterator at each call of iterator(), as a List does"
              .formatted(sweptBatches);
      LOG.warn(warning);
      observers.console().warning(warning);
    }
    sweptBatches = 0;
  }
}

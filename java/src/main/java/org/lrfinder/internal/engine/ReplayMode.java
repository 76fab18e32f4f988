package org.lrfinder.internal.engine;

import org.lrfinder.sweep.StepSettings;

/** Which steps the native engine may replay. */
enum ReplayMode {
  // In the order of lrfinder::Replay, whose numbers the native core is given.
  /** None: autograd computes every step. */
  NEVER,
  /** Those of networks that are known to do the same for every batch of a shape. */
  KNOWN_MODELS,
  /** Also those of other networks and of the caller's losses, who promises that they do. */
  DECLARED_STATIC;

  private static final String PROPERTY = "lrfinder.replay"; // false outweighs every setting

  static ReplayMode of(StepSettings step, boolean declaredStatic) {
    if (!step.replay() || "false".equals(System.getProperty(PROPERTY))) {
      return NEVER;
    }
    return declaredStatic ? DECLARED_STATIC : KNOWN_MODELS;
  }
}

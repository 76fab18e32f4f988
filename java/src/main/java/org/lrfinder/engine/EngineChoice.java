package org.lrfinder.engine;

/** Which engine computes the steps. */
public enum EngineChoice {
  /** The native engine where it loads, else the portable one with a warning that says why. */
  AUTO,
  /** The native engine; an {@link UnsatisfiedLinkError} where it does not load. */
  NATIVE,
  /** The portable engine. */
  PORTABLE
}

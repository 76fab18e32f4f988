package org.lrfinder.engine;

import java.util.Optional;

/**
 * How many steps of a sweep or training were replayed: run from a recording of an earlier step, by
 * the same kernels in the same order, without autograd. The others were computed by autograd.
 * Immutable.
 *
 * @param steps those of which every micro-batch was replayed, at least 0
 * @param reason why none was, in words; empty if some were
 */
public record Replay(long steps, Optional<String> reason) {
  /**
   * Creates the counts.
   *
   * @throws IllegalArgumentException if steps is negative, or there is a reason where some were
   *     replayed, or none where none was
   */
  public Replay {
    if (steps < 0) {
      throw new IllegalArgumentException("steps is " + steps + ", but must be at least 0");
    }
    if (reason.isPresent() == steps > 0) {
      throw new IllegalArgumentException(
          "there must be a reason if no step was replayed, and only then");
    }
  }

  /**
   * {@return that so many steps were replayed}
   *
   * @param steps at least 0
   * @param reason why none was; ignored if some were
   */
  public static Replay of(long steps, String reason) {
    return new Replay(steps, steps == 0 ? Optional.of(reason) : Optional.empty());
  }
}

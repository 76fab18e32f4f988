package org.lrfinder.sweep;

/** The losses that a sweep looks at, as they are after the last step that was recorded. */
public interface RunningLoss {
  /** {@return the last loss recorded} */
  double last();

  /** {@return the running loss after the last one recorded} */
  double smoothed();

  /**
   * {@return the lowest running loss since it settled, before one that diverged; until then the
   * present one}
   */
  double best();
}

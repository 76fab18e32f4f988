package org.lrfinder.testkit;

import org.junit.jupiter.api.Assumptions;
import org.lrfinder.internal.engine.Devices;

/** The CUDA device that some tests need. */
public final class Cuda {
  private Cuda() {}

  /** Skips a test where there is none, and says why there is none. */
  public static void assumeDevice() {
    try {
      Devices.requirePresent("cuda");
    } catch (IllegalArgumentException e) {
      Assumptions.abort(e.getMessage());
    }
  }
}

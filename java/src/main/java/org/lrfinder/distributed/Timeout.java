package org.lrfinder.distributed;

import java.time.Duration;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.TCPStoreOptions;

/** A duration as the presets take it. */
final class Timeout {
  private Timeout() {}

  /**
   * Converts a duration, within a scope that outlives the result. JavaCPP's own constructor is in a
   * native library that a program need not have: the number is written over another one.
   */
  static Milliseconds of(Duration duration) {
    Milliseconds made = new TCPStoreOptions().timeout();
    new LongPointer(made).put(Math.max(duration.toMillis(), 1));
    return made;
  }
}

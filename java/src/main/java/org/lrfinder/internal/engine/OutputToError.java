package org.lrfinder.internal.engine;

import org.lrfinder.internal.nativecore.NativeCore;
import org.lrfinder.internal.nativecore.NativeOutputToError;

/**
 * While one is open, what native code of this process writes to the standard output goes to the
 * standard error. For programs, not for libraries: it is the whole process's.
 */
public final class OutputToError implements AutoCloseable {
  private final NativeOutputToError core;

  /**
   * Begins.
   *
   * @throws UnsatisfiedLinkError if the native core is not there
   */
  public OutputToError() {
    NativeCore.load();
    core = new NativeOutputToError();
    core.retainReference(); // outlives any scope, until close()
  }

  @Override
  public void close() {
    core.close();
  }
}

package org.lrfinder.testkit;

import org.bytedeco.javacpp.Pointer;

/** Counts the native objects that Java owns. */
public final class NativeObjects {
  private NativeObjects() {}

  /** Without the garbage that earlier code left. */
  public static long settledCount() {
    long before;
    long count = Pointer.totalCount();
    do {
      before = count;
      System.gc();
      try {
        Thread.sleep(200);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      count = Pointer.totalCount();
    } while (count < before);
    return count;
  }
}

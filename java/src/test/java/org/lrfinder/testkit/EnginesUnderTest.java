package org.lrfinder.testkit;

import java.util.List;
import java.util.stream.Stream;
import org.lrfinder.engine.EngineChoice;

/**
 * The engines that the suite runs over. Both, unless the build says that it made no native engine:
 * a native engine that was built and does not load fails the tests.
 */
public final class EnginesUnderTest {
  private EnginesUnderTest() {}

  public static List<EngineChoice> all() {
    return Boolean.getBoolean("lrfinder.native.skip")
        ? List.of(EngineChoice.PORTABLE)
        : List.of(EngineChoice.NATIVE, EngineChoice.PORTABLE);
  }

  public static Stream<EngineChoice> stream() {
    return all().stream();
  }
}

package org.lrfinder;

import java.util.List;
import java.util.stream.Stream;
import org.lrfinder.engine.EngineChoice;

/**
 * The engines that the suite runs over. Both, unless the build says that it made no native engine:
 * a native engine that was built and does not load fails the tests.
 */
public final class EnginesUnderTest {
  static final boolean NATIVE_WAS_BUILT = !Boolean.getBoolean("lrfinder.native.skip");

  private EnginesUnderTest() {}

  public static List<EngineChoice> all() {
    return NATIVE_WAS_BUILT
        ? List.of(EngineChoice.NATIVE, EngineChoice.PORTABLE)
        : List.of(EngineChoice.PORTABLE);
  }

  /** For {@code @MethodSource("org.lrfinder.EnginesUnderTest#stream")}. */
  public static Stream<EngineChoice> stream() {
    return all().stream();
  }
}

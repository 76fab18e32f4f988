package org.lrfinder.internal.nativecore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Properties;
import org.junit.jupiter.api.Test;

/**
 * Why the native library cannot be loaded, in words. That it says so in a real JVM, {@code
 * EngineLoadingTest} shows.
 */
class NativeCoreTest {
  private static Properties builtFor(String torch) {
    Properties built = new Properties();
    built.setProperty("torch.version", torch);
    built.setProperty("pytorch.version", torch + "-1.5.13");
    return built;
  }

  @Test
  void nothingIsRefusedWhereEverythingFits() {
    assertThat(NativeCore.refusal("linux-x86_64", builtFor("2.10.0"), "2.10.0")).isNull();
  }

  @Test
  void anotherPlatformIsNamed() {
    assertThat(NativeCore.refusal("macosx-arm64", null, "2.10.0"))
        .isEqualTo("there is no native library for macosx-arm64, only for linux-x86_64");
  }

  @Test
  void bothVersionsAreNamed() {
    assertThat(NativeCore.refusal("linux-x86_64", builtFor("2.10.0"), "2.7.1"))
        .isEqualTo(
            "the native library was compiled for libtorch 2.10.0, but libtorch 2.7.1 is loaded: use org.bytedeco:pytorch 2.10.0-1.5.13");
  }
}

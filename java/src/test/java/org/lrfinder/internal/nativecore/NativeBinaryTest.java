package org.lrfinder.internal.nativecore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the library that ships says of the machine that built it: nothing. */
class NativeBinaryTest {
  @Test
  void noPathOfTheBuilderIsInTheLibrary() throws IOException {
    assumeThat(Boolean.getBoolean("lrfinder.native.skip")).isFalse();
    String library;
    try (InputStream in = NativeCore.class.getResourceAsStream("linux-x86_64/libjnilrfinder.so")) {
      library = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    }
    assertThat(library).contains("$ORIGIN").doesNotContain("_ZN8lrfinder");
    String home = System.getProperty("user.home");
    String project = Path.of("").toAbsolutePath().getParent().toString();
    assertThat(library.contains(home + "/")).as("a path below %s", home).isFalse();
    assertThat(library.contains(project)).as("a path below %s", project).isFalse();
  }
}

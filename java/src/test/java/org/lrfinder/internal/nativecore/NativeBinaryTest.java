package org.lrfinder.internal.nativecore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Properties;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The libraries that ship, and what they say of the machine that built them: nothing. */
class NativeBinaryTest {
  private static final String CORE = "libjnilrfinder.so";
  private static final String CUDA = "liblrfinder_cuda.so";

  @BeforeEach
  void needsTheNativeEngine() {
    assumeThat(Boolean.getBoolean("lrfinder.native.skip")).isFalse();
  }

  @Test
  void noPathOfTheBuilderIsInTheLibrary() throws IOException {
    String library = contents(CORE);
    assertThat(library).contains("$ORIGIN").doesNotContain("_ZN8lrfinder");
    assertNoPathOfTheBuilderIn(library);
  }

  @Test
  void noPathOfTheBuilderIsInTheLibraryForCuda() throws IOException {
    assumeThat(isBuiltForCuda()).isTrue();
    assertNoPathOfTheBuilderIn(contents(CUDA));
  }

  @Test
  void theLibraryForCudaShipsWhereItIsBuiltAndLiesBesideTheOneThatLooksForIt() throws IOException {
    assumeThat(isBuiltForCuda()).isTrue();
    NativeCore.load();
    assertThat(Path.of(Loader.load(NativeSweep.class)).resolveSibling(CUDA))
        .hasSize(contents(CUDA).length());
  }

  @Test
  void theLibraryForCudaIsNotLoadedAtTheStart() throws IOException {
    NativeCore.load();
    assertThat(Path.of("/proc/self/maps")).content().contains(CORE).doesNotContain(CUDA);
  }

  private static boolean isBuiltForCuda() throws IOException {
    Properties built = new Properties();
    try (InputStream in = resource("native.properties")) {
      built.load(in);
    }
    return built.getProperty("cuda").equals("ON");
  }

  private static void assertNoPathOfTheBuilderIn(String library) {
    String home = System.getProperty("user.home");
    String project = Path.of("").toAbsolutePath().getParent().toString();
    assertThat(library.contains(home + "/")).as("a path below %s", home).isFalse();
    assertThat(library.contains(project)).as("a path below %s", project).isFalse();
  }

  private static String contents(String library) throws IOException {
    try (InputStream in = resource(library)) {
      return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  private static InputStream resource(String name) {
    return NativeCore.class.getResourceAsStream("linux-x86_64/" + name);
  }
}

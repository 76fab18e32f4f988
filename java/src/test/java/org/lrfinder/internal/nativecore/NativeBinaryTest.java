package org.lrfinder.internal.nativecore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Properties;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.testkit.LibraryJar;

/** The libraries that ship, and what they say of the machine that built them: nothing. */
class NativeBinaryTest {
  private static final String CORE = "libjnilrfinder.so";
  private static final String CUDA = "liblrfinder_cuda.so";

  // Of elf(5).
  private static final int DYNAMIC_SEGMENT = 2;
  private static final long FLAGS = 30;
  private static final long BIND_NOW = 8;

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
  void theLibraryForCudaIsNotLoadedAtTheStart() throws IOException {
    NativeCore.load();
    assertThat(Path.of("/proc/self/maps")).content().contains(CORE).doesNotContain(CUDA);
  }

  @ParameterizedTest
  @ValueSource(strings = {CORE, CUDA})
  void theDigestBesideALibraryIsItsOwn(String name) throws IOException {
    assumeThat(name.equals(CORE) || isBuiltForCuda()).isTrue();
    assertThat(contents(name + ".sha256"))
        .isEqualToIgnoringNewLines(LibraryJar.sha256(bytes(name)) + "  " + name);
  }

  @Test
  void whatJavaCppHasForItsOwnClassesIsNotLinkedInASecondTime() throws IOException {
    assertThat(contents(CORE)).contains("Java_org_lrfinder_").doesNotContain("Java_org_bytedeco_");
  }

  @ParameterizedTest
  @ValueSource(strings = {CORE, CUDA})
  void theStackIsCheckedAndNoTableOfFunctionsStaysWritable(String name) throws IOException {
    assumeThat(name.equals(CORE) || isBuiltForCuda()).isTrue();
    assertThat(contents(name)).contains("__stack_chk_fail");
    assertThat(isBoundAtOnce(ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN))).isTrue();
  }

  @Test
  void callsOfTheCLibraryAreCheckedWhereTheyCanBe() throws IOException {
    assertThat(contents(CORE)).containsPattern("__v?fprintf_chk");
  }

  /** Whether a 64-bit ELF library has the flag BIND_NOW: all is relocated, then write-protected. */
  private static boolean isBoundAtOnce(ByteBuffer elf) {
    int headers = (int) elf.getLong(32);
    int size = elf.getShort(54);
    for (int i = 0; i < elf.getShort(56); i++) {
      int header = headers + i * size;
      if (elf.getInt(header) == DYNAMIC_SEGMENT) {
        int at = (int) elf.getLong(header + 8);
        for (; elf.getLong(at) != 0; at += 16) {
          if (elf.getLong(at) == FLAGS && (elf.getLong(at + 8) & BIND_NOW) != 0) {
            return true;
          }
        }
      }
    }
    return false;
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
    return new String(bytes(library), StandardCharsets.ISO_8859_1);
  }

  private static byte[] bytes(String library) throws IOException {
    try (InputStream in = resource(library)) {
      return in.readAllBytes();
    }
  }

  private static InputStream resource(String name) {
    return NativeCore.class.getResourceAsStream("linux-x86_64/" + name);
  }
}

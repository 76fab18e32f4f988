package org.lrfinder.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.internal.nativecore.NativeCore;
import org.lrfinder.testkit.OwnJvm;

/**
 * What users read when the native library does not load, in JVMs that lack it or have a wrong one.
 */
class EngineLoadingTest {
  @TempDir private Path folder;
  private final List<String> classPath = new ArrayList<>();

  /** A class path without the native library. */
  @BeforeEach
  void withoutTheLibrary() throws IOException {
    Path classes =
        Path.of(NativeCore.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    OwnJvm.classPath().stream()
        .filter(entry -> !entry.matches(".*(lrfinder-native|native.target).*"))
        .forEach(classPath::add);
    if (Files.isDirectory(classes)) {
      Path copy =
          Files.createDirectories(folder.resolve("classes/org/lrfinder/internal/nativecore"));
      try (Stream<Path> files = Files.list(classes.resolve("org/lrfinder/internal/nativecore"))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          Files.copy(file, copy.resolve(file.getFileName()));
        }
      }
      classPath.add(folder.resolve("classes").toString());
    } else {
      classPath.add(classes.toString());
    }
  }

  private void addLibrary(String content, String torchVersion) throws IOException {
    Path platform =
        Files.createDirectories(
            folder.resolve("library/org/lrfinder/internal/nativecore/linux-x86_64"));
    Files.writeString(platform.resolve("libjnilrfinder.so"), content);
    Files.writeString(
        platform.resolve("native.properties"),
        "torch.version=" + torchVersion + "\npytorch.version=" + torchVersion + "-1.5.13\n");
    classPath.add(folder.resolve("library").toString());
  }

  private String probe() throws IOException, InterruptedException {
    return OwnJvm.run(classPath, List.of(), LoadProbe.class);
  }

  @Test
  void aMissingLibraryIsNamedAndThePortableEngineTakesOverWithOneWarning() throws Exception {
    String output = probe();
    String reason =
        "the native library is not on the class path: add org.lrfinder:lrfinder-native with classifier linux-x86_64";
    assertThat(output).contains("NATIVE: " + reason);
    assertThat(output).containsOnlyOnce("Using the portable engine, which is slower: " + reason);
    assertThat(output.lines().filter("AUTO: PortableEngine"::equals)).hasSize(2);
    assertThat(output).contains("step function: COMPLETED");
  }

  @Test
  void anotherLibtorchIsNamedBesideTheOneCompiledFor() throws Exception {
    addLibrary("", "9.8.7");
    assertThat(probe())
        .contains(
            "NATIVE: the native library was compiled for libtorch 9.8.7, but libtorch 2.10.0 is loaded: use org.bytedeco:pytorch 9.8.7-1.5.13");
  }

  @Test
  void aBrokenLibraryKeepsTheLoadersOwnWords() throws Exception {
    addLibrary("this is no library", "2.10.0");
    assertThat(probe())
        .contains("NATIVE: the native library could not be loaded: ")
        .containsPattern("cause: java.lang.UnsatisfiedLinkError: .*jnilrfinder");
  }
}

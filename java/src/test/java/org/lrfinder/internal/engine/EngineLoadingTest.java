package org.lrfinder.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.internal.nativecore.NativeCore;
import org.lrfinder.testkit.LibraryCache;
import org.lrfinder.testkit.LibraryJar;
import org.lrfinder.testkit.OwnJvm;

/**
 * What users read when the native library does not load, or not from where it should, in JVMs that
 * lack it, have a wrong one, or have nowhere to put it.
 */
class EngineLoadingTest {
  private static final String CACHE = "org.bytedeco.javacpp.cachedir";
  private static final String WAY_OUT =
      "another folder is chosen by -Dorg.bytedeco.javacpp.cachedir=FOLDER";

  @TempDir private static Path shared; // with libtorch's files, which take long to unpack
  @TempDir private Path folder;
  private final List<String> classPath = new ArrayList<>();
  private final List<String> options = new ArrayList<>();
  private List<String> by = List.of();

  @BeforeAll
  static void fillCache() throws IOException {
    LibraryCache.copyTo(cache());
  }

  private static Path cache() {
    return shared.resolve("cache");
  }

  /** A class path without the native library. */
  @BeforeEach
  void withoutTheLibrary() throws IOException, URISyntaxException {
    Path classes =
        Path.of(NativeCore.class.getProtectionDomain().getCodeSource().getLocation().toURI());
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
    options.add("-D" + CACHE + "=" + cache());
  }

  @AfterEach
  void emptyOurPartOfTheCache() throws IOException {
    Files.setPosixFilePermissions(cache(), PosixFilePermissions.fromString("rwx------"));
    try (Stream<Path> files = Files.walk(cache().resolve("lrfinder"))) {
      for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(file);
      }
    } catch (java.nio.file.NoSuchFileException e) {
      // nothing was unpacked
    }
  }

  private static LibraryJar built() throws IOException {
    assumeThat(Boolean.getBoolean("lrfinder.native.skip")).isFalse();
    return new LibraryJar();
  }

  private Path add(LibraryJar jar) throws IOException {
    Path written = jar.in(folder);
    classPath.add(written.toString());
    return written;
  }

  private String probe(String... arguments) throws IOException, InterruptedException {
    return OwnJvm.run(by, classPath, options, LoadProbe.class, arguments);
  }

  private static void flipByteInTheMiddle(Path file) throws IOException {
    FileTime time = Files.getLastModifiedTime(file);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
    Files.setLastModifiedTime(file, time);
  }

  private static Path unpacked() throws IOException {
    try (Stream<Path> files = Files.walk(cache().resolve("lrfinder"))) {
      return files
          .filter(file -> file.endsWith(LibraryJar.LIBRARY))
          .reduce(
              (one, other) -> {
                throw new AssertionError("more than one: " + one + ", " + other);
              })
          .orElseThrow();
    }
  }

  @Test
  void aMissingLibraryIsNamedAndThePortableEngineTakesOverWithOneWarning() throws Exception {
    String output = probe("sweep");
    String reason =
        "the native library is not on the class path: add org.lrfinder:lrfinder-native with classifier linux-x86_64";
    assertThat(output).contains("NATIVE: " + reason);
    assertThat(output).containsOnlyOnce("Using the portable engine, which is slower: " + reason);
    assertThat(output.lines().filter("AUTO: PortableEngine"::equals)).hasSize(2);
    assertThat(output).contains("step function: COMPLETED");
  }

  @Test
  void aFallbackStandsInTheResultWithItsReason() throws Exception {
    String output = probe("sweep");
    String reason = "the native library is not on the class path: ";
    String warning = "the portable engine was used, which is slower: " + reason;
    assertThat(output)
        .contains("engine: portable engine in place of the native one, cpu")
        .contains("reason: " + reason)
        .contains("warning: " + warning)
        .contains("\"engine_reason\":\"" + reason)
        .containsPattern("\"warnings\":\\[[^\\]]*\"" + warning);
  }

  @Test
  void theBlasThatHindersIsNamedInTheResultAndTheOtherIsNot() throws Exception {
    String advice = "warning: libtorch multiplies matrices with OpenBLAS";
    assertThat(probe("sweep")).contains(advice);
    options.add("-Dorg.bytedeco.openblas.load=mkl");
    assertThat(probe("sweep")).contains("engine: ").doesNotContain(advice);
  }

  @Test
  void anotherLibtorchIsNamedBesideTheOneCompiledFor() throws Exception {
    add(built().withProperties("torch.version=9.8.7\npytorch.version=9.8.7-1.5.13\n"));
    assertThat(probe())
        .contains(
            "NATIVE: the native library was compiled for libtorch 9.8.7, but libtorch 2.10.0 is loaded: use org.bytedeco:pytorch 9.8.7-1.5.13");
  }

  @Test
  void aBrokenLibraryKeepsTheLoadersOwnWords() throws Exception {
    add(built().withLibrary("this is no library".getBytes(StandardCharsets.UTF_8)));
    assertThat(probe())
        .contains("NATIVE: the native library could not be loaded: ")
        .containsPattern("cause: java.lang.UnsatisfiedLinkError: .*jnilrfinder");
  }

  @Test
  void theLibraryIsUnpackedOnceToAFolderOfItsDigest() throws Exception {
    add(built());
    assertThat(probe()).contains("NATIVE: NativeEngine", "mapped: " + unpacked());
    assertThat(unpacked()).hasBinaryContent(LibraryJar.built(LibraryJar.LIBRARY));
    FileTime first = Files.getLastModifiedTime(unpacked());
    assertThat(probe()).contains("NATIVE: NativeEngine").doesNotContain("WARN");
    assertThat(Files.getLastModifiedTime(unpacked())).isEqualTo(first);
  }

  @Test
  void theLibraryForCudaIsUnpackedBesideItOnceItIsAskedForAndNotBefore() throws Exception {
    add(built());
    assumeThat(LibraryJar.hasCuda()).isTrue();
    probe();
    Path beside = unpacked().resolveSibling(LibraryJar.CUDA_LIBRARY);
    assertThat(beside).doesNotExist();
    assertThat(probe("cuda")).contains("cuda: Optional.empty");
    assertThat(beside).hasBinaryContent(LibraryJar.built(LibraryJar.CUDA_LIBRARY));
    flipByteInTheMiddle(beside);
    assertThat(probe("cuda")).contains("cuda: Optional.empty");
    assertThat(beside).hasBinaryContent(LibraryJar.built(LibraryJar.CUDA_LIBRARY));
  }

  @Test
  void aByteFlippedInTheJarIsNoticedAndTheJarNamed() throws Exception {
    Path jar = add(built());
    flipByteInTheMiddle(jar);
    assertThat(probe())
        .containsPattern(
            "NATIVE: the native library could not be loaded: jar:file:%s!/.*%s is damaged \\(.*\\): get it again"
                .formatted(jar, LibraryJar.LIBRARY))
        .contains("AUTO: PortableEngine");
  }

  @Test
  void aTruncatedJarIsNamedInPlaceOfAMissingOne() throws Exception {
    Path jar = add(built());
    byte[] bytes = Files.readAllBytes(jar);
    Files.write(jar, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    assertThat(probe())
        .containsPattern("NATIVE: %s is damaged \\(.+\\): get it again".formatted(jar));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aDamagedFileInTheCacheIsUnpackedAnew(boolean truncated) throws Exception {
    add(built());
    probe();
    Path file = unpacked();
    if (truncated) {
      Files.write(file, new byte[100]);
    } else {
      flipByteInTheMiddle(file);
    }
    assertThat(probe())
        .contains("NATIVE: NativeEngine", file + " was damaged and was unpacked anew");
    assertThat(file).hasBinaryContent(LibraryJar.built(LibraryJar.LIBRARY));
  }

  @Test
  void aDamagedFileThatCannotBeReplacedIsNamedAndTheLibraryRunsFromAnotherFolder()
      throws Exception {
    add(built());
    probe();
    Path file = unpacked();
    flipByteInTheMiddle(file);
    String damaged = LibraryJar.sha256(Files.readAllBytes(file));
    withoutPrivileges();
    Files.setPosixFilePermissions(file.getParent(), PosixFilePermissions.fromString("r-x------"));
    try {
      assertThat(probe())
          .contains("NATIVE: NativeEngine")
          .contains(file + " is damaged: delete it; it cannot be replaced: ")
          .doesNotContain("mapped: " + file);
    } finally {
      Files.setPosixFilePermissions(file.getParent(), PosixFilePermissions.fromString("rwx------"));
    }
    assertThat(LibraryJar.sha256(Files.readAllBytes(file))).isEqualTo(damaged);
  }

  @ParameterizedTest
  @ValueSource(strings = {"rwxrwxrwx", "rwx----w-"})
  void aCacheThatOthersCanWriteIsNotUsedForTheLibrary(String permissions) throws Exception {
    add(built());
    Files.setPosixFilePermissions(cache(), PosixFilePermissions.fromString(permissions));
    String output = probe();
    assertThat(output)
        .contains("NATIVE: NativeEngine")
        .contains(cache() + " can be written by all users (chmod go-w)", WAY_OUT)
        .doesNotContain("mapped: " + cache());
    Path elsewhere =
        Path.of(
            output
                .lines()
                .filter(line -> line.startsWith("mapped: "))
                .findFirst()
                .orElseThrow()
                .substring(8));
    assertThat(elsewhere).as("it is gone with its process").doesNotExist();
    assertThat(elsewhere.getParent()).doesNotExist();
  }

  @Test
  void withNowhereToUnpackToBothFoldersAreNamed() throws Exception {
    Path home = Files.createDirectory(folder.resolve("home"));
    Path temporary = Files.createDirectory(folder.resolve("tmp"));
    add(built());
    options.clear();
    options.addAll(List.of("-Duser.home=" + home, "-Djava.io.tmpdir=" + temporary));
    withoutPrivileges();
    for (Path path : List.of(home, temporary)) {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("r-x------"));
    }
    assertThat(probe())
        .contains(
            "NATIVE: libtorch could not be loaded: neither %s/.javacpp nor %s can be written to unpack native libraries; %s"
                .formatted(home, temporary, WAY_OUT));
  }

  /** By root, whom no permission keeps out, only what everybody may. */
  private void withoutPrivileges() throws IOException, InterruptedException {
    if ("root".equals(System.getProperty("user.name"))) {
      by = List.of("setpriv", "--bounding-set=-all", "--inh-caps=-all");
      assumeThat(runs(by, "true")).as("setpriv").isTrue();
    }
  }

  @Test
  void aLibraryThatNeedsANewerGlibcSaysWhich() throws Exception {
    add(built().withLibrary(needing("GLIBC_9.99")));
    assertThat(probe())
        .contains(
            "NATIVE: the native library could not be loaded: it needs glibc 9.99 or later, and this machine's is older: use a newer Linux");
  }

  /** The library with the name of a version of glibc in place of one that it needs. */
  private static byte[] needing(String version) throws IOException {
    String library = latin(LibraryJar.built(LibraryJar.LIBRARY));
    java.util.regex.Matcher needed =
        java.util.regex.Pattern.compile("\0(GLIBC_2\\.\\d\\d)\0").matcher(library);
    assertThat(needed.find()).isTrue();
    return library
        .replace("\0" + needed.group(1) + "\0", "\0" + version + "\0")
        .replace(hash(needed.group(1)), hash(version))
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  /** What stands for a name in ELF's list of needed versions. */
  private static String hash(String name) {
    long hash = 0;
    for (char c : name.toCharArray()) {
      hash = (hash << 4) + c;
      hash = (hash ^ (hash & 0xf0000000L) >> 24) & 0x0fffffffL;
    }
    int bytes = Integer.reverseBytes((int) hash);
    return latin(HexFormat.of().parseHex(HexFormat.of().toHexDigits(bytes)));
  }

  private static String latin(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  @Test
  void aFolderFromWhichNothingRunsIsNamed() throws Exception {
    add(built());
    Path mounted = mounted("noexec,size=1g");
    assertThat(probe())
        .contains(
            "NATIVE: libtorch could not be loaded: nothing that lies in %s can be run, since its file system is mounted noexec; %s"
                .formatted(mounted, WAY_OUT));
  }

  @Test
  void aFullDiskIsNamed() throws Exception {
    add(built());
    Path mounted = mounted("size=1m");
    assertThat(probe())
        .containsPattern(
            "NATIVE: libtorch could not be loaded: the disk of %s is full: 0 MiB are free"
                .formatted(mounted));
  }

  /** Lets the JVM have a cache on a file system of its own, which ends with it. */
  private Path mounted(String how) throws IOException, InterruptedException {
    boolean root = "root".equals(System.getProperty("user.name"));
    List<String> inNamespace = List.of("unshare", root ? "--mount" : "--map-root-user", "--mount");
    Path mounted = Files.createDirectory(folder.resolve("mounted"));
    String mount = "mount -t tmpfs -o %s none %s".formatted(how, mounted);
    List<String> tried = new ArrayList<>(inNamespace);
    tried.addAll(List.of("sh", "-c", mount + " && exec \"$@\"", "sh"));
    assumeThat(runs(tried, "true")).as("whether this may mount a file system").isTrue();
    by = tried;
    options.clear();
    options.add("-D" + CACHE + "=" + mounted);
    return mounted;
  }

  private static boolean runs(List<String> by, String command)
      throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(by);
    all.add(command);
    try {
      return new ProcessBuilder(all).start().waitFor() == 0;
    } catch (IOException e) {
      return false; // there is no such command
    }
  }

  @Test
  void aFileNamedByThePropertyIsLoadedInPlaceOfTheJars() throws Exception {
    Path own = written(LibraryJar.built(LibraryJar.LIBRARY), "2.10.0");
    assertThat(probe()).contains("NATIVE: NativeEngine", "mapped: " + own);
    assertThat(cache().resolve("lrfinder")).doesNotExist();
  }

  @Test
  void theVersionOfAFileNamedByThePropertyIsChecked() throws Exception {
    written(LibraryJar.built(LibraryJar.LIBRARY), "9.8.7");
    assertThat(probe()).contains("NATIVE: the native library was compiled for libtorch 9.8.7");
  }

  @Test
  void aFileNamedByThePropertyMustBeThereByItsAbsolutePathAndSayForWhatItWasBuilt()
      throws Exception {
    Path own = written(LibraryJar.built(LibraryJar.LIBRARY), "2.10.0");
    Files.delete(own.resolveSibling(LibraryJar.PROPERTIES));
    assertThat(probe())
        .contains(
            "the system property org.lrfinder.library is %s, but there is no native.properties beside that file"
                .formatted(own));
    for (String wrong : List.of(own + ".missing", "relative.so", own.getParent().toString())) {
      options.add("-Dorg.lrfinder.library=" + wrong);
      assertThat(probe())
          .contains(
              "the system property org.lrfinder.library is %s, but must be the absolute path of a file"
                  .formatted(wrong));
    }
  }

  private Path written(byte[] library, String torch) throws IOException {
    built();
    Path own = Files.write(folder.resolve("own.jnilrfinder.so"), library);
    Files.writeString(
        folder.resolve(LibraryJar.PROPERTIES),
        "torch.version=%s\npytorch.version=%s-1.5.13\n".formatted(torch, torch));
    options.add("-Dorg.lrfinder.library=" + own);
    return own;
  }
}

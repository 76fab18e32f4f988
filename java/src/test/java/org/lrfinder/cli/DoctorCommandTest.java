package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.testkit.LibraryCache;
import org.lrfinder.testkit.LibraryJar;
import org.lrfinder.testkit.OwnJvm;

/**
 * The command in JVMs whose class path, cache or options are broken: what is wrong is named first,
 * and the cure that is printed then works.
 */
@EnabledOnOs(OS.LINUX)
class DoctorCommandTest {
  private static final String CACHE = "-Dorg.bytedeco.javacpp.cachedir=";
  private static final Pattern DEPENDENCY =
      Pattern.compile(
          ".*<artifactId>(.+)</artifactId><version>(.+?)</version>(?:<classifier>(.+)</classifier>)?.*");

  @TempDir private static Path shared;
  @TempDir private Path folder;
  private final List<String> classPath = new ArrayList<>();
  private final List<String> options = new ArrayList<>();
  private List<String> by = List.of();

  private record Ended(int code, String out, String err) {
    JsonNode json() {
      try {
        assertThat(out.lines()).hasSize(1);
        return new JsonMapper().readTree(out);
      } catch (IOException e) {
        throw new AssertionError(out, e);
      }
    }

    JsonNode first() {
      JsonNode finding = json().path("findings").path(0);
      assertThat(finding.isObject()).as(out).isTrue();
      return finding;
    }

    /** Without the notes, which a busy machine has too. */
    List<String> ids() {
      List<String> ids = new ArrayList<>();
      for (JsonNode finding : json().get("findings")) {
        if (!finding.get("severity").textValue().equals("note")) {
          ids.add(finding.get("id").textValue());
        }
      }
      return ids;
    }
  }

  @BeforeAll
  static void fillCache() throws IOException {
    LibraryCache.copyTo(shared.resolve("cache"));
  }

  @BeforeEach
  void healthy() {
    assumeThat(Boolean.getBoolean("lrfinder.native.skip")).isFalse();
    classPath.addAll(OwnJvm.classPath());
    options.add(CACHE + shared.resolve("cache"));
  }

  private Ended doctor(String... arguments) throws IOException, InterruptedException {
    Ended ended = run(arguments);
    assertThat(ended.err()).isEmpty();
    return ended;
  }

  private Ended run(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(by);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(
        List.of("-cp", String.join(File.pathSeparator, classPath), Main.class.getName(), "doctor"));
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    Process process =
        new ProcessBuilder(command)
            .directory(Files.createDirectories(folder.resolve("working")).toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    boolean ended = process.waitFor(4, TimeUnit.MINUTES);
    process.destroyForcibly();
    String printed = Files.readString(out, StandardCharsets.UTF_8);
    assertThat(ended).as(printed).isTrue();
    return new Ended(process.exitValue(), printed, Files.readString(err, StandardCharsets.UTF_8));
  }

  private Ended examined() throws IOException, InterruptedException {
    return doctor("--json");
  }

  private void assertNamedFirst(Ended ended, String id) {
    assertThat(ended.code()).as(ended.out()).isEqualTo(1);
    assertThat(ended.json().get("healthy").booleanValue()).isFalse();
    assertThat(ended.first().get("id").textValue()).as(ended.out()).isEqualTo(id);
  }

  private void assertCured() throws IOException, InterruptedException {
    assertHealthy(examined());
  }

  /** But for how fast threads are, which depends on what else the machine does. */
  private static void assertHealthy(Ended ended) {
    assertThat(ended.ids()).as(ended.out()).isSubsetOf("slow-threads", "blas-threads");
    assertThat(ended.code()).isEqualTo(ended.ids().isEmpty() ? 0 : 1);
    for (String engine : new String[] {"native_engine", "portable_engine"}) {
      assertThat(ended.json().path(engine).path("right").booleanValue()).as(engine).isTrue();
    }
  }

  private static List<String> cure(JsonNode finding) {
    List<String> lines = new ArrayList<>();
    finding.get("cure").get("lines").forEach(line -> lines.add(line.textValue()));
    return lines;
  }

  /** Puts onto the class path what a build tool would, of the tests' own. */
  private void addDependencies(List<String> lines) {
    for (String line : lines) {
      Matcher dependency = DEPENDENCY.matcher(line);
      assertThat(dependency.matches()).as(line).isTrue();
      String classifier = dependency.group(3) == null ? "" : "-" + dependency.group(3);
      String name = "%s-%s%s.jar".formatted(dependency.group(1), dependency.group(2), classifier);
      classPath.add(ofTests(name));
    }
  }

  private static String ofTests(String ending) {
    return OwnJvm.classPath().stream()
        .filter(entry -> entry.endsWith("/" + ending))
        .findFirst()
        .orElseThrow(() -> new AssertionError(ending));
  }

  private String remove(String pattern) {
    String removed =
        classPath.stream().filter(entry -> entry.matches(pattern)).findFirst().orElseThrow();
    classPath.remove(removed);
    return removed;
  }

  private String libraryJar() {
    String jar =
        classPath.stream()
            .filter(entry -> entry.matches(".*lrfinder-native-[^/]*linux-x86_64\\.jar"))
            .findFirst()
            .orElse("");
    assumeThat(jar).as("the library is in a jar").isNotEmpty();
    return jar;
  }

  @Test
  void withoutTheJarsOfJavaClassesNoCommandCanBegin() throws Exception {
    remove(".*/pytorch-[^/]*[0-9]\\.jar");
    Ended ended = run();
    assertThat(ended.code()).isEqualTo(Main.FAILURE);
    assertThat(ended.err())
        .matches(
            "lrfinder: a jar is missing, the one with org/bytedeco/pytorch/\\w+: all those of lib/ belong beside lrfinder.jar, or on the class path\n");
  }

  @Test
  void aHealthySetUpIsHealthyAndAllOfItIsSaid() throws Exception {
    Ended ended = examined();
    assertHealthy(ended);
    JsonNode json = ended.json();
    assertThat(json.get("format").intValue()).isEqualTo(1);
    assertThat(json.get("complete").booleanValue()).isTrue();
    assertThat(json.at("/platform/name").textValue()).isEqualTo("linux-x86_64");
    assertThat(json.at("/platform/glibc").textValue()).matches("2\\.\\d+");
    assertThat(json.at("/java/home").textValue()).isEqualTo(System.getProperty("java.home"));
    assertThat(json.at("/libraries/pytorch/version").textValue()).startsWith("2.10.0-");
    assertThat(json.at("/libtorch/version").textValue()).isEqualTo("2.10.0");
    assertThat(json.at("/native_library/libjnilrfinder.so").textValue())
        .isEqualTo(LibraryJar.sha256(LibraryJar.built(LibraryJar.LIBRARY)));
    Path pytorch = Path.of(json.at("/libraries/pytorch/jar").textValue());
    assertThat(json.get("digests").get(pytorch.getFileName().toString()).textValue())
        .isEqualTo(LibraryJar.sha256(Files.readAllBytes(pytorch)));
    assertThat(json.at("/cache/folder").textValue()).isEqualTo(shared.resolve("cache").toString());
    assertThat(json.at("/blas/name").textValue()).isEqualTo("MKL");
    assertThat(json.at("/blas/one_thread_us").doubleValue()).isPositive();
    assertThat(json.at("/memory/javacpp_max_physical_bytes").longValue()).isPositive();
    assertThat(json.at("/native_engine/step_us").doubleValue()).isPositive();
    assertThat(json.at("/cuda/devices").isInt()).isTrue();
    try (Stream<Path> left = Files.list(folder.resolve("working"))) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void anEmptyCacheIsFilled() throws Exception {
    options.set(0, CACHE + folder.resolve("cache"));
    Ended ended = examined();
    assertThat(ended.json().at("/cache/filled").booleanValue()).isFalse();
    assertHealthy(ended);
    assertThat(examined().json().at("/cache/filled").booleanValue()).isTrue();
  }

  @Test
  void aMissingNativeLibraryIsNamedAndThePortableEngineIsTestedAllTheSame() throws Exception {
    libraryJar();
    remove(".*lrfinder-native-[^/]*linux-x86_64\\.jar");
    Ended ended = examined();
    assertNamedFirst(ended, "native-library-missing");
    assertThat(ended.ids()).doesNotContain("native-engine");
    assertThat(ended.json().at("/portable_engine/right").booleanValue()).isTrue();
    addDependencies(cure(ended.first()));
    assertCured();
  }

  @Test
  void aMissingLibtorchIsNamed() throws Exception {
    remove(".*/pytorch-[^/]*-linux-x86_64\\.jar");
    Ended ended = examined();
    assertNamedFirst(ended, "libtorch-missing");
    assertThat(ended.ids()).hasSize(1);
    addDependencies(cure(ended.first()));
    assertCured();
  }

  @Test
  void anotherVersionOfThePresetsIsNamedBesideTheOneCompiledFor() throws Exception {
    Path other = folder.resolve("pytorch-2.7.1-1.5.13.jar");
    String right = remove(".*/pytorch-[0-9.-]*\\.jar");
    copyWithVersion(Path.of(right), other, "2.7.1-1.5.13");
    classPath.add(other.toString());
    Ended ended = examined();
    assertNamedFirst(ended, "another-libtorch");
    String version = Path.of(right).getFileName().toString().replaceAll("pytorch-|\\.jar", "");
    assertThat(ended.first().get("problem").textValue()).contains(version, "2.7.1-1.5.13");
    assertThat(cure(ended.first()).get(0))
        .contains("<artifactId>pytorch-platform</artifactId><version>" + version + "</version>");
    classPath.set(classPath.indexOf(other.toString()), right);
    assertCured();
  }

  /** The same classes, said to be of another version. */
  private static void copyWithVersion(Path jar, Path copy, String version) throws IOException {
    try (ZipFile from = new ZipFile(jar.toFile());
        ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(copy))) {
      for (ZipEntry entry : java.util.Collections.list(from.entries())) {
        to.putNextEntry(new ZipEntry(entry.getName()));
        if (entry.getName().endsWith("pom.properties")) {
          to.write(("version=" + version + "\n").getBytes(StandardCharsets.UTF_8));
        } else {
          from.getInputStream(entry).transferTo(to);
        }
        to.closeEntry();
      }
    }
  }

  @Test
  void aNativeLibraryForAnotherLibtorchIsNamed() throws Exception {
    classPath.remove(libraryJar());
    classPath.add(
        new LibraryJar()
            .withProperties("torch.version=9.8.7\npytorch.version=9.8.7-1.5.13\n")
            .in(folder)
            .toString());
    Ended ended = examined();
    assertNamedFirst(ended, "another-libtorch");
    assertThat(ended.json().at("/native_engine/failure").textValue())
        .contains("compiled for libtorch 9.8.7, but libtorch 2.10.0 is loaded");
  }

  @Test
  void aDamagedJarIsNamed() throws Exception {
    Path whole = Path.of(libraryJar());
    byte[] bytes = Files.readAllBytes(whole);
    Path jar = folder.resolve(whole.getFileName());
    classPath.set(classPath.indexOf(whole.toString()), jar.toString());

    Files.write(jar, Arrays.copyOf(bytes, bytes.length / 2));
    Ended truncated = examined();
    assertNamedFirst(truncated, "damaged-jar");
    assertThat(truncated.ids()).as("what is its consequence").doesNotContain("native-engine");

    bytes[bytes.length / 2] ^= 1;
    Files.write(jar, bytes);
    Ended changed = examined();
    assertNamedFirst(changed, "damaged-jar");
    List<String> cure = cure(changed.first());
    assertThat(cure).hasSize(2);
    assertThat(cure.get(1)).startsWith("mvn ").endsWith("-DoutputDirectory=" + folder);
    run(cure.get(0));
    assertThat(jar).doesNotExist();
    Files.copy(whole, jar);
    assertCured();
  }

  private void run(String line) throws IOException, InterruptedException {
    Process process = new ProcessBuilder("sh", "-c", line).inheritIO().start();
    assertThat(process.waitFor()).as(line).isZero();
  }

  @Test
  void aLibraryInTheCacheThatWasCutOffIsNamedAndLibtorchIsNotLoaded() throws Exception {
    Path cache = folder.resolve("cache");
    LibraryCache.copyTo(cache);
    options.set(0, CACHE + cache);
    Path library = find(cache, "libtorch_cpu.so");
    FileTime time = Files.getLastModifiedTime(library);
    byte[] start;
    try (var in = Files.newInputStream(library)) {
      start = in.readNBytes(100 << 20);
    }
    Files.delete(library); // and not the file that it is a link to
    Files.write(library, start);
    Files.setLastModifiedTime(library, time);
    Ended ended = examined();
    assertNamedFirst(ended, "damaged-library");
    assertThat(ended.first().get("problem").textValue()).contains(library.toString());
    assertThat(ended.json().get("libtorch")).isEmpty();
    for (String line : cure(ended.first())) {
      run(line);
    }
    assertCured();
  }

  private static Path find(Path folder, String name) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.endsWith(name)).findFirst().orElseThrow();
    }
  }

  @Test
  void aLibraryThatEndsTheJvmEndsNotTheDoctor() throws Exception {
    byte[] library = LibraryJar.built(LibraryJar.LIBRARY);
    Path own = folder.resolve("own.so");
    Files.write(own, Arrays.copyOf(library, library.length / 2));
    Files.write(folder.resolve(LibraryJar.PROPERTIES), LibraryJar.built(LibraryJar.PROPERTIES));
    options.add("-Dorg.lrfinder.library=" + own);
    Ended ended = examined();
    assertNamedFirst(ended, "native-engine");
    assertThat(ended.json().at("/native_engine/failure").textValue())
        .startsWith("its JVM died by SIGBUS");
    assertThat(ended.json().at("/portable_engine/right").booleanValue()).isTrue();
    try (Stream<Path> left = Files.list(folder.resolve("working"))) {
      assertThat(left).as("no report of a crash").isEmpty();
    }
  }

  @Test
  void aHeapThatIsTooSmallForJavaCppsLimitIsNamed() throws Exception {
    options.add("-Xmx64m");
    Ended ended = examined();
    assertNamedFirst(ended, "memory-limit");
    options.set(options.indexOf("-Xmx64m"), cure(ended.first()).get(0));
    assertCured();
  }

  @Test
  void anOptionOfTheEnvironmentIsReplacedThere() throws Exception {
    by = List.of("env", "JDK_JAVA_OPTIONS=-Xmx16m -Dkept=1", "sh", "-c", "exec \"$@\" 2>&-", "sh");
    Ended ended = examined();
    assertNamedFirst(ended, "memory-limit");
    String cure = cure(ended.first()).get(0);
    assertThat(cure).startsWith("export JDK_JAVA_OPTIONS='-Dkept=1 -Xmx");
    by = List.of("sh", "-c", cure + "; exec \"$@\" 2>&-", "sh");
    assertCured();
  }

  @Test
  void aFilledCacheThatCannotBeWrittenIsNamedSinceAnotherIsUsed() throws Exception {
    Path cache = folder.resolve("cache");
    LibraryCache.copyTo(cache);
    options.set(0, CACHE + cache);
    options.add("-Duser.home=" + folder);
    withoutPrivileges();
    Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("r-x------"));
    try {
      Ended ended = examined();
      assertNamedFirst(ended, "cache-elsewhere");
      assertThat(ended.json().at("/cache/folder").textValue())
          .isEqualTo(folder.resolve(".javacpp/cache").toString());
      assertThat(cure(ended.first())).containsExactly("chmod u+w " + cache);
      run(cure(ended.first()).get(0));
      assertCured();
    } finally {
      Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  void withNowhereToUnpackToAFolderIsSuggested() throws Exception {
    Path nowhere = Files.createFile(folder.resolve("a file"));
    options.set(0, "-Duser.home=" + nowhere);
    options.add("-Djava.io.tmpdir=" + nowhere);
    Ended ended = examined();
    assertNamedFirst(ended, "cache-unwritable");
    assertThat(ended.ids()).hasSize(1);
    assertThat(cure(ended.first()).get(0)).startsWith("export JDK_JAVA_OPTIONS='" + CACHE + "/");
  }

  /** As root, whom no permission keeps out. */
  private void withoutPrivileges() {
    if ("root".equals(System.getProperty("user.name"))) {
      by = List.of("setpriv", "--bounding-set=-all", "--inh-caps=-all");
    }
  }

  @Test
  void theReportSaysTheSameInWords() throws Exception {
    libraryJar();
    remove(".*lrfinder-native-[^/]*linux-x86_64\\.jar");
    Ended ended = doctor();
    assertThat(ended.code()).isEqualTo(1);
    assertThat(ended.out())
        .startsWith("platform\n  name: linux-x86_64\n")
        .contains("\nlibraries\n  lrfinder: ", "\n  javacpp: version 1.5")
        .contains("\nportable engine\n  right: yes\n")
        .contains(
            "\n1. broken: the native library is not on the class path: org.lrfinder:lrfinder-native with classifier linux-x86_64\n   add to pom.xml, or that jar to the class path:\n     <dependency>");
  }
}

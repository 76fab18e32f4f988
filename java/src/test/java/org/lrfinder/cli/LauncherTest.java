package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.export.ResultJson;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.OwnJvm;

/** The launcher itself, beside a jar of the tests' class path. */
@EnabledOnOs(OS.LINUX)
class LauncherTest {
  private static final Path LAUNCHER =
      Path.of(System.getProperty("lrfinder.launcher", "src/launcher/lrfinder"));
  private static final Path DATA = Path.of(System.getProperty("lrfinder.data", "src/data"));
  static final String[] FIND = {
    "find",
    "--data=" + DATA.resolve("wine.csv.gz"),
    "--target=target",
    "--steps=30",
    "--no-auto-range",
    "--no-auto-steps",
    "--threads=1",
    "--json"
  };
  private static final String ANSWER = "(?s)\\{\"format\":1,.*\\}\\s*";

  @TempDir private static Path home;
  @TempDir private Path cache;
  private Map<String, String> environment = Map.of();

  @BeforeAll
  static void install() throws IOException {
    Path launcher = Files.copy(LAUNCHER, home.resolve("lrfinder"));
    assertThat(launcher.toFile().setExecutable(true)).isTrue();
    writeJar(home.resolve("lrfinder.jar"));
  }

  /** Folders cannot be in an archive: what they hold goes into the jar itself. */
  private static void writeJar(Path jar) throws IOException {
    List<Path> classPath = OwnJvm.classPath().stream().map(Path::of).toList();
    Manifest manifest = new Manifest();
    Attributes attributes = manifest.getMainAttributes();
    attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
    attributes.put(Attributes.Name.MAIN_CLASS, Main.class.getName());
    attributes.put(
        Attributes.Name.CLASS_PATH,
        classPath.stream()
            .filter(Files::isRegularFile)
            .map(entry -> entry.toUri().toString())
            .collect(Collectors.joining(" ")));
    Set<String> written = new HashSet<>();
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream into = new JarOutputStream(out, manifest)) {
      for (Path folder : classPath.stream().filter(Files::isDirectory).toList()) {
        try (Stream<Path> files = Files.walk(folder)) {
          for (Path file : files.filter(Files::isRegularFile).toList()) {
            String name = folder.relativize(file).toString();
            if (!name.startsWith("META-INF") && written.add(name)) {
              into.putNextEntry(new JarEntry(name));
              Files.copy(file, into);
              into.closeEntry();
            }
          }
        }
      }
    }
  }

  private record Ended(int code, String out, String err) {}

  private Process start(String name, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(home.resolve("lrfinder").toString()));
    command.addAll(List.of(arguments));
    return start(name, command);
  }

  private Process start(String name, List<String> command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("XDG_CACHE_HOME", cache.toString());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().putAll(environment);
    return builder
        .redirectOutput(home.resolve(name + ".out").toFile())
        .redirectError(home.resolve(name + ".err").toFile())
        .start();
  }

  private static Ended end(Process process, String name) throws IOException, InterruptedException {
    boolean ended = process.waitFor(3, TimeUnit.MINUTES);
    process.destroyForcibly();
    assertThat(ended).isTrue();
    return new Ended(
        process.exitValue(),
        Files.readString(home.resolve(name + ".out"), StandardCharsets.UTF_8),
        Files.readString(home.resolve(name + ".err"), StandardCharsets.UTF_8));
  }

  private Ended run(String... arguments) throws IOException, InterruptedException {
    return end(start("run", arguments), "run");
  }

  private List<Path> archives(String glob) throws IOException {
    try (var found = Files.newDirectoryStream(cache.resolve("lrfinder"), glob)) {
      List<Path> paths = new ArrayList<>();
      found.forEach(paths::add);
      return paths;
    }
  }

  private static void assertAnswered(Ended ended) {
    assertThat(ended.err()).isEmpty();
    assertThat(ended.out()).matches(ANSWER);
    assertThat(ended.code()).isIn(0, Main.NO_SUGGESTION);
  }

  @Test
  void theFirstStartWritesAnArchiveThatLaterOnesMapAndTheAnswerIsTheSame() throws Exception {
    Process one = start("one", FIND);
    Process other = start("other", FIND);
    Ended first = end(one, "one");
    assertAnswered(first);
    assertThat(end(other, "other")).isEqualTo(first);
    assertThat(archives("*")).hasSize(2);

    environment = Map.of("JDK_JAVA_OPTIONS", "-Xshare:on"); // the archive or an error
    assertThat(run(FIND).out()).isEqualTo(first.out());
    Path archive = archives("*.jsa").get(0);
    assertThat(archives("*")).containsExactly(archive);

    Files.delete(archive);
    Files.writeString(archive, "this is no archive");
    assertThat(run(FIND).code()).isEqualTo(1);
    environment = Map.of();
    assertThat(run(FIND)).isEqualTo(first);
  }

  @Test
  void aStartWithoutASweepLeavesNoArchive() throws Exception {
    assertThat(run("find").code()).isEqualTo(Main.INPUT);
    Path useless = archives("*").get(0);
    assertThat(run("find").code()).isEqualTo(Main.INPUT);
    assertThat(archives("*")).hasSize(1).doesNotContain(useless);
    assertThat(archives("*.jsa")).as("kept").isEmpty();
  }

  @Test
  void aReportIsNoSweepAndLeavesNoArchive() throws Exception {
    Path result = home.resolve("lr.json");
    LrFinderResult found = LrFinder.builder().build().find(StepFunction.of(lr -> 2 - lr));
    ResultJson.write(found, result);
    Path page = home.resolve("report.html");
    assertThat(run("report", result.toString(), "--out", page.toString()).code()).isZero();
    assertThat(page).exists();
    Path useless = archives("*").get(0);
    assertThat(run("find").code()).isEqualTo(Main.INPUT);
    assertThat(archives("*")).hasSize(1).doesNotContain(useless);
    assertThat(archives("*.jsa")).as("kept").isEmpty();
  }

  @Test
  void withoutAPlaceForAnArchiveItStartsAllTheSame() throws Exception {
    cache = Files.createFile(cache.resolve("a file"));
    assertAnswered(run(FIND));
  }

  @Test
  void withoutALocaleNamesOfFilesMayHaveUmlautsToo() throws Exception {
    environment = Map.of("LC_ALL", "C");
    String find = "\"$0\" find --target t --data \"$(printf 'wein\\303\\244.csv')\"";
    String launcher = home.resolve("lrfinder").toString();
    assertThat(end(start("run", List.of("sh", "-c", find, launcher)), "run"))
        .isEqualTo(new Ended(Main.INPUT, "", "lrfinder: there is no file wein\u00e4.csv\n"));
  }

  @Test
  void aMissingJavaIsNamed() throws Exception {
    environment = Map.of("JAVA_HOME", "/nowhere");
    assertThat(run("--version"))
        .isEqualTo(
            new Ended(
                Main.FAILURE,
                "",
                "lrfinder: there is no java: install a JDK 17 or newer, or set JAVA_HOME\n"));
  }
}

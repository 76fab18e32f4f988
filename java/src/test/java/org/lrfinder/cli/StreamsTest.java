package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.testkit.OwnJvm;

/** What a JVM of its own shows: the standard input, and output that is lost. */
@EnabledOnOs(OS.LINUX)
class StreamsTest {
  private static final String ROWS = "a,k\n" + "1,x\n-1,y\n".repeat(30);

  @TempDir private Path folder;

  private record Ended(int code, String err) {}

  private Ended find(String data, byte[] input, File output) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"));
    command.add(String.join(File.pathSeparator, OwnJvm.classPath()));
    command.addAll(List.of(Main.class.getName(), "find", "--data", data, "--target=k", "--json"));
    command.addAll(List.of("--steps=30", "--no-auto-steps", "--no-auto-range"));
    File errors = folder.resolve("errors").toFile();
    Process process =
        new ProcessBuilder(command).redirectOutput(output).redirectError(errors).start();
    try (OutputStream in = process.getOutputStream()) {
      in.write(input);
    } catch (IOException e) {
      // It ended before it had read all.
    }
    boolean ended = process.waitFor(3, TimeUnit.MINUTES);
    process.destroyForcibly();
    assertThat(ended).isTrue();
    return new Ended(process.exitValue(), Files.readString(errors.toPath()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-", "/dev/stdin"})
  void theStandardInputIsRead(String name) throws Exception {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
      out.write(ROWS.getBytes(StandardCharsets.UTF_8));
    }
    Path output = folder.resolve("output");
    Ended ended = find(name, zipped.toByteArray(), output.toFile());
    assertThat(ended.code()).as(ended.err()).isIn(0, Main.NO_SUGGESTION);
    assertThat(Files.readString(output)).startsWith("{\"format\":1,");
  }

  @Test
  void whatIsWrongWithTheStandardInputIsSaidOfIt() throws Exception {
    Ended ended = find("-", "a,k\n1,\n".getBytes(StandardCharsets.UTF_8), new File("/dev/null"));
    assertThat(ended.code()).isEqualTo(Main.INPUT);
    assertThat(ended.err())
        .isEqualToIgnoringNewLines(
            "lrfinder: the standard input, line 2, column k: the cell is empty");
  }

  @Test
  void outputThatIsLostIsAFailure() throws Exception {
    Ended ended = find("-", ROWS.getBytes(StandardCharsets.UTF_8), new File("/dev/full"));
    assertThat(ended.err()).contains("lrfinder: the output is lost: ");
    assertThat(ended.code()).isEqualTo(Main.FAILURE);
  }
}

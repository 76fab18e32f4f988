package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The lines of Java in the README and the pages compile as they stand, given the names that their
 * text speaks of.
 */
class ReadmeTest {
  private static final String HEAD =
      """
      import java.nio.file.Path;
      import java.util.*;
      import org.bytedeco.pytorch.*;
      import org.lrfinder.*;
      import org.lrfinder.data.*;
      import org.lrfinder.distributed.*;
      import org.lrfinder.export.*;
      import org.lrfinder.plot.*;
      import org.lrfinder.sweep.*;
      import org.lrfinder.trainer.Model;
      import org.lrfinder.trainer.Trainer;

      class Readme {
        static Tensor images;
        static Tensor labels;
        static JavaRandomDataLoader loader;
        static SequentialImpl discriminator;
        static SequentialImpl generator;
        static Adam adamD;
        static Adam adamG;

        static Tensor realOrFake(Tensor images) {
          return images;
        }

        static Tensor deception() {
          return images;
        }

        static Tensor loss(Batch batch) {
          return images;
        }

      """;
  private static final String GIVEN =
      """
        static void lines(SequentialImpl network, Optimizer optimizer, Iterable<Batch> batches, RateModel model, Trainer trainer, LrFinder finder) throws Exception {
      """;
  private static final String MODEL =
      """
        abstract static class RateModel implements Model {
          double lr;
        }
      """;

  @TempDir private Path folder;

  static Stream<String> blocks() throws IOException {
    List<Path> pages = new ArrayList<>(List.of(Path.of("../README.md")));
    try (Stream<Path> files = Files.list(Path.of("src/doc"))) {
      files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
    }
    List<String> blocks = new ArrayList<>();
    for (Path page : pages) {
      Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
          .matcher(Files.readString(page))
          .results()
          .map((MatchResult block) -> block.group(1))
          .filter(block -> !block.startsWith("module "))
          .forEach(blocks::add);
    }
    return blocks.stream();
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void compiles(String block) throws IOException {
    Matcher program = Pattern.compile("public class (\\w+)").matcher(block);
    if (program.find()) {
      compiles(program.group(1), block);
      return;
    }
    StringBuilder source = new StringBuilder(HEAD).append(MODEL);
    if (block.startsWith("class ")) {
      source.append("static ").append(block);
    } else {
      // A block may name anew what the text before it made.
      String given = GIVEN;
      for (String name : List.of("network", "batches", "trainer", "finder")) {
        if (Pattern.compile("(?m)^\\w+ " + name + " =").matcher(block).find()) {
          given = given.replace(" " + name, " given_" + name);
        }
      }
      source.append(given).append(block).append("}\n");
    }
    compiles("Readme", source.append("}\n"));
  }

  private void compiles(String name, CharSequence source) throws IOException {
    Path file = Files.writeString(folder.resolve(name + ".java"), source);
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter problems = new StringWriter();
    boolean compiled =
        compiler
            .getTask(
                problems,
                null,
                null,
                List.of(
                    "-proc:none",
                    "-d",
                    folder.toString(),
                    "-cp",
                    System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"))),
                null,
                compiler.getStandardFileManager(null, null, null).getJavaFileObjects(file))
            .call();
    assertThat(compiled).as(problems.toString()).isTrue();
  }

  /** CI builds and runs that. */
  @Test
  void theProgramIsTheConsumers() throws IOException {
    String program = Files.readString(Path.of("src/it/consumer/src/main/java/example/FindLr.java"));
    assertThat(blocks()).contains(program.substring(program.indexOf("import ")));
  }

  @Test
  void thereAreBlocks() throws IOException {
    assertThat(blocks()).hasSizeGreaterThanOrEqualTo(7);
  }
}

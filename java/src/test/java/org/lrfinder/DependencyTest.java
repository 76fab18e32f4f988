package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * What a program that embeds the library gets with it: the tree that Maven wrote, without what is
 * optional.
 */
class DependencyTest {
  private static final Set<String> ALLOWED =
      Set.of(
          "com.fasterxml.jackson.core:jackson-annotations:jar",
          "com.fasterxml.jackson.core:jackson-core:jar",
          "com.fasterxml.jackson.core:jackson-databind:jar",
          "com.samskivert:jmustache:jar", // for reports
          "de.erichseifert.vectorgraphics2d:VectorGraphics2D:jar", // of XChart, for SVG
          "me.tongfei:progressbar:jar",
          "org.bytedeco:javacpp:jar",
          "org.bytedeco:openblas:jar",
          "org.bytedeco:pytorch:jar",
          "org.jline:jline-terminal:jar", // of progressbar, like the next
          "org.jline:jline-native:jar",
          "org.jspecify:jspecify:jar",
          "org.knowm.xchart:xchart:jar",
          "org.lrfinder:lrfinder-native:jar",
          "org.lrfinder:lrfinder-native:jar:linux-x86_64",
          "org.slf4j:slf4j-api:jar",
          "org.yaml:snakeyaml:jar");

  @Test
  void nothingElseComesWithTheLibrary() throws IOException {
    Set<String> found = new TreeSet<>();
    int optionalDepth = Integer.MAX_VALUE; // below an optional dependency, everything is optional
    for (String line :
        Files.readAllLines(Path.of("target/dependency-tree.txt")).stream().skip(1).toList()) {
      String coordinates = line.replaceFirst("^[^\\p{Alnum}]*", "");
      int depth = line.length() - coordinates.length();
      if (depth > optionalDepth) {
        continue;
      }
      optionalDepth = coordinates.endsWith("(optional)") ? depth : Integer.MAX_VALUE;
      if (optionalDepth == Integer.MAX_VALUE) {
        found.add(coordinates.replaceFirst(":[^:]*:(compile|runtime)$", ""));
      }
    }
    assertThat(found).isEqualTo(new TreeSet<>(ALLOWED));
  }
}

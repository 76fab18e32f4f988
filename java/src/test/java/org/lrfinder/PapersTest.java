package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** README and the papers beside it lead where they say. */
class PapersTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern LINK = Pattern.compile("\\]\\((?!https?:)([^)#]+)");

  static Stream<Path> papers() throws IOException {
    List<Path> folders =
        List.of(
            ROOT, ROOT.resolve("java/src/doc"), ROOT.resolve("native"), ROOT.resolve("benchmarks"));
    Stream<Path> papers = Stream.empty();
    for (Path folder : folders) {
      try (Stream<Path> files = Files.list(folder)) {
        List<Path> found = files.filter(file -> file.toString().endsWith(".md")).sorted().toList();
        assertThat(found).as("papers in %s", folder).isNotEmpty();
        papers = Stream.concat(papers, found.stream());
      }
    }
    return papers;
  }

  @ParameterizedTest
  @MethodSource("papers")
  void everyLinkToAFileLeadsToOne(Path paper) throws IOException {
    List<String> links =
        LINK.matcher(Files.readString(paper)).results().map(link -> link.group(1)).toList();
    assertThat(links).allMatch(link -> Files.exists(paper.resolveSibling(link)));
  }
}

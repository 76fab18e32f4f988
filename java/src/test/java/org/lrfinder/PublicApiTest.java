package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What users see is what was meant for them, and does not change unnoticed. */
class PublicApiTest {
  private static final Path LISTING = Path.of("src/test/resources/api.txt");
  private static final Pattern DECLARED =
      Pattern.compile("\\b(?:class|interface|enum|record) ([\\w.]+)");

  @Test
  void namesNoTypeThatUsersCannotUse() throws IOException {
    assertThat(PublicApi.read().namedButNotForUsers()).isEmpty();
  }

  @Test
  void isTheOneListed() throws IOException {
    String now = PublicApi.read().listing();
    if (Boolean.getBoolean("lrfinder.api.remake")) {
      Files.createDirectories(LISTING.getParent());
      Files.writeString(LISTING, now);
    }
    String listed = Files.exists(LISTING) ? Files.readString(LISTING) : "";
    if (!now.equals(listed)) {
      throw new AssertionError(
          """
          The public API is not the one in %s.
          Gone:
          %sNew:
          %sDoes this break a caller? Note the change in CHANGELOG.md, then remake the listing with
          -Dtest=PublicApiTest -Dlrfinder.api.remake=true and commit both."""
              .formatted(LISTING, difference(listed, now), difference(now, listed)));
    }
  }

  /** The lines of one listing that the other has not, members behind their class. */
  private static String difference(String of, String without) {
    Set<String> lines = membersBehindTheirClass(of);
    lines.removeAll(membersBehindTheirClass(without));
    return lines.isEmpty() ? "  nothing\n" : "  " + String.join("\n  ", lines) + "\n";
  }

  private static Set<String> membersBehindTheirClass(String listing) {
    Set<String> lines = new TreeSet<>();
    String type = "";
    for (String line : listing.lines().toList()) {
      if (line.startsWith("  ")) {
        lines.add(type + ": " + line.strip());
      } else {
        Matcher declared = DECLARED.matcher(line);
        if (declared.find()) {
          type = declared.group(1);
          lines.add(line);
        }
      }
    }
    return lines;
  }
}

package org.lrfinder.cli.doctor;

import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Whether an engine sweeps, and finds the losses that are known. */
final class EngineCheck {
  private static final Pattern OPEN_TO_OTHERS =
      Pattern.compile("since (/.*?) can be written by .*\\(chmod go-w\\)");

  private EngineCheck() {}

  /**
   * Looks at a sweep.
   *
   * @param name of the section
   */
  static Section examine(String name, Trial.Ended sweep) {
    Section.Builder section = Section.of(name);
    Map<String, Object> seen = sweep.seen();
    for (String key : List.of("file", "right", "largest_difference", "step_us")) {
      section.fact(key, seen.get(key));
    }
    sweep
        .failure()
        .ifPresent(
            words ->
                section
                    .fact("failure", words)
                    .find(
                        Finding.broken(
                            name.replace('_', '-'),
                            "the %s does not work: %s".formatted(name.replace('_', ' '), words),
                            Cure.words(
                                "as it says; what is behind it stands under its words in lrfinder's documentation, loading.md"))));
    if (Boolean.FALSE.equals(seen.get("right"))) {
      section.find(
          Finding.broken(
              "wrong-losses",
              "the %s computes losses that differ by a factor of %s from the known ones, more than rounding explains"
                  .formatted(name.replace('_', ' '), seen.get("largest_difference")),
              Cure.words(
                  "test this machine's memory and processor, and report it if they are sound")));
    }
    if (seen.get("warnings") instanceof List<?> warnings) {
      for (Object warning : warnings) {
        Matcher open = OPEN_TO_OTHERS.matcher(warning.toString());
        section.find(
            Finding.note(
                "native-library",
                warning.toString(),
                open.find()
                    ? Cure.commands("chmod go-w " + Cure.quoted(open.group(1)))
                    : Cure.words("as it says")));
      }
    }
    return section.build();
  }
}

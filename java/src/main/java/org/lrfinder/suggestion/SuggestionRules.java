package org.lrfinder.suggestion;

import java.util.List;

/** The rules that come with the library, by name. */
public final class SuggestionRules {
  private static final List<SuggestionRule> ALL =
      List.of(
          new MiddleOfFall(),
          new Steepest(),
          new Steepest(10, 1, Steepest.Spacing.LOG_RATE),
          new Valley(),
          new Slide(),
          new Minimum(),
          new Steep());

  private SuggestionRules() {}

  /**
   * {@return every rule, each with its tool's constants: {@code middle-of-fall}, {@code steepest},
   * {@code steepest-log}, {@code valley}, {@code slide}, {@code minimum}, {@code steep}}
   */
  public static List<SuggestionRule> all() {
    return ALL;
  }

  /**
   * Finds a rule.
   *
   * @param name one of those that {@link #all} lists, or {@code default} for {@link MiddleOfFall}
   * @return the rule
   * @throws IllegalArgumentException if there is none of that name; the message lists the names
   */
  public static SuggestionRule named(String name) {
    List<String> names = ALL.stream().map(SuggestionRule::name).toList();
    if (!names.contains(resolved(name))) {
      throw new IllegalArgumentException(
          "there is no rule \"%s\"; there are %s".formatted(name, String.join(", ", names)));
    }
    return ALL.get(names.indexOf(resolved(name)));
  }

  /** Resolves the alias {@code default}, which results and files never say. */
  static String resolved(String name) {
    return name.equals("default") ? MiddleOfFall.NAME : name;
  }
}
